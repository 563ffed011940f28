"""An S3 server with one bucket, in a process of its own: `python s3_server.py FOLDER`.

Writes `host:port` to `FOLDER/address` once it answers.
"""

import signal
import sys
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer


def main(folder: Path) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_bucket(Bucket="captions")
    draft = folder / "address.draft"
    draft.write_text(f"{host}:{port}")
    draft.rename(folder / "address")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(Path(sys.argv[1]))
