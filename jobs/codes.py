"""The stable codes that tell why an image failed, each with its sentence.

Programs branch on the code, people read the sentence: codes are never renamed
and a sentence never carries what only one picture has (that is the image's
`message`). A transient code may heal by itself: `worker.fetch` tries such an
image again, and `retry?codes=` asks for it by hand.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """What one code means: a sentence for people, and whether trying again may help."""

    sentence: str
    transient: bool = False


CODES: dict[str, Code] = {
    "http_401": Code("The server asks for a login (401)."),
    "http_403": Code("The server forbids access (403)."),
    "http_404": Code("The server has no such picture (404)."),
    "http_410": Code("The picture is gone for good (410)."),
    "http_429": Code("The server asks for fewer requests (429).", transient=True),
    "http_4xx": Code("The server refuses the request."),
    "http_5xx": Code("The server failed.", transient=True),
    "timeout": Code("The server took too long.", transient=True),
    "connection_failed": Code("The connection failed.", transient=True),
    "tls_failed": Code("The encrypted connection could not be trusted."),
    "dns_failed": Code("The name of the server could not be resolved.", transient=True),
    "url_not_valid": Code("The URL cannot be used."),
    "address_not_allowed": Code("The address is not one that pictures may be fetched from."),
    "scheme_not_allowed": Code("URLs of this kind are not fetched."),
    "file_not_allowed": Code("The file lies in no folder that may be read."),
    "file_missing": Code("There is no such file."),
    "file_unreadable": Code("The file cannot be read."),
    "bucket_not_allowed": Code("The bucket is not one that pictures may be read from."),
    "object_missing": Code("The bucket holds no such object."),
    "upload_missing": Code("There is no such upload, or it has expired."),
    "too_many_redirects": Code("The server redirects too often."),
    "too_large": Code("The picture has more bytes than allowed."),
    "empty": Code("The file is empty."),
    "too_many_pixels": Code("The picture has more pixels than allowed."),
    "not_a_picture": Code("The file is not a picture."),
    "unsupported_format": Code("Pictures of this format are not read."),
    "truncated": Code("The picture is cut off or damaged."),
    "decoder_crashed": Code("The decoder broke down over this picture.", transient=True),
    "decoder_timeout": Code("Decoding the picture took too long.", transient=True),
    "worker_lost": Code("The workers that held this picture were lost again and again."),
    "headers_lost": Code("The job's request headers can no longer be read; submit it again."),
    "internal_error": Code("The service failed over this picture."),
    "expired": Code("The job's deadline passed before the picture had its turn."),
}
