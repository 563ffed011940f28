"""A stream of any length → the images of a job.

spool      the body, as it comes, into a temporary file
inflate    gzip, distrusted
lines      bytes → numbered lines, none of them long
ndjson     lines → rows
csv_rows   lines → rows
seen       which keys occurred before, in a few bytes each
check      rows → images, or what is wrong with them
load       all of it, into jobs.ingest
"""
