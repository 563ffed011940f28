"""Commands that talk to a server over its HTTP API."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from cli.answers import Job
from cli.client import Client
from cli.errors import CliError, Refused, SourceError
from cli.files import form_of, replacing_bytes
from cli.grammar import options
from cli.progress import bar
from cli.sources import Picture, find_pictures

SMALL_JOB_IMAGES = 10_000
SOME_FAILED = 3
MAX_KEY_CHARACTERS = 512
#: Statuses by which a server refuses this picture, and not whoever sends it.
NOT_TAKEN = (400, 413, 415, 422)


def submit(arguments: Namespace) -> int:
    """Prints the id of the job alone, for scripts; local pictures are uploaded first.

    Exit code 3 where a local picture could not be read or was not taken: it is left out.
    """
    pictures = find_pictures(arguments.sources).pictures
    with _client(arguments) as client:
        left_out: list[Picture] = []
        images = _images(client, pictures, left_out)
        if len(pictures) <= SMALL_JOB_IMAGES:
            job = client.submit(images, options(arguments))
        else:
            job = client.stream(images, options(arguments))
        print(job.id, flush=True)
        code = _exit_code(_wait(client, job)) if arguments.wait else 0
        return SOME_FAILED if left_out else code


def status(arguments: Namespace) -> int:
    """One job in words, or a line for each job, newest first."""
    with _client(arguments) as client:
        if arguments.job is None:
            for job in client.jobs():
                print(line(job))
            return 0
        job = client.job(arguments.job)
        if arguments.wait:
            job = _wait(client, job)
        print(line(job))
        return _exit_code(job)


def results(arguments: Namespace) -> int:
    """The server's captions.jsonl or captions.csv, as it is."""
    output = arguments.output
    with _client(arguments) as client:
        if output is None:
            client.download(arguments.job, "jsonl", sys.stdout.buffer)
        else:
            form = form_of(output)
            with replacing_bytes(output) as file:
                client.download(arguments.job, form, file)
    return 0


def cancel(arguments: Namespace) -> int:
    with _client(arguments) as client:
        print(line(client.cancel(arguments.job)))
    return 0


def retry(arguments: Namespace) -> int:
    with _client(arguments) as client:
        print(line(client.retry(arguments.job, arguments.code)))
    return 0


def delete(arguments: Namespace) -> int:
    with _client(arguments) as client:
        client.delete(arguments.job)
    return 0


def line(job: Job) -> str:
    """A job on a line: `job_… running 1,200 of 9,000 captioned, 3 failed, 35.1 images/s`."""
    said = f"{job.id} {job.state} {job.succeeded:,} of {job.total:,} captioned"
    if job.failed:
        said += f", {job.failed:,} failed"
    if job.canceled:
        said += f", {job.canceled:,} canceled"
    if job.images_per_second and not job.ended:
        said += f", {job.images_per_second:.1f} images/s"
    if job.estimated_end and not job.ended:
        said += f", until {job.estimated_end.astimezone():%H:%M:%S}"
    return said + (f": {job.error}" if job.error else "")


def _client(arguments: Namespace) -> Client:
    if not arguments.server.startswith(("http://", "https://")):
        raise CliError(f"CAPTIONS_SERVER: {arguments.server} must begin with http:// or https://")
    # A key on the command line could be read by every user of the machine.
    key = os.environ.get("CAPTIONS_KEY")
    if key and not (key.isascii() and key.isprintable()):
        raise CliError("CAPTIONS_KEY: is not a key; copy it whole from `captions keys create`")
    return Client(arguments.server, key)


def _images(
    client: Client, pictures: Sequence[Picture], left_out: list[Picture]
) -> Iterator[dict[str, str]]:
    """What a job names; local pictures get their path as key, by which results tell of them."""
    keys: set[str] = set()
    for picture in pictures:
        if not picture.is_local:
            yield {"url": picture.url}
        elif url := _upload(client, picture):
            key = picture.source
            fits = len(key) <= MAX_KEY_CHARACTERS and key.isprintable() and key not in keys
            keys.add(key)
            yield {"url": url, "key": key} if fits else {"url": url}
        else:
            left_out.append(picture)


def _upload(client: Client, picture: Picture) -> str | None:
    """The picture's URL at the server; None, and a line that says why, where it has none."""
    try:
        with _open(picture) as file:
            return client.upload(file)
    except SourceError as error:
        reason = str(error)
    except Refused as error:
        if error.status not in NOT_TAKEN:
            raise
        reason = f"{picture.source}: {error}"
    print(f"captions: {reason}; left out", file=sys.stderr)
    return None


def _open(picture: Picture) -> BinaryIO:
    # Opening a pipe would wait for somebody to write to it.
    if picture.path.exists() and not picture.path.is_file():
        raise SourceError(picture.source, "not a regular file")
    try:
        return picture.path.open("rb")
    except OSError as error:
        raise SourceError(picture.source, error.strerror or "cannot be read") from error


def _wait(client: Client, job: Job) -> Job:
    with bar(job.total, done=round(job.done * job.total)) as shown:
        shown.say(job.id)
        return client.wait(job.id, lambda job: shown.show(_done(job), job.failed))


def _done(job: Job) -> int:
    return job.succeeded + job.failed + job.canceled


def _exit_code(job: Job) -> int:
    return SOME_FAILED if job.ended and job.succeeded < job.total else 0
