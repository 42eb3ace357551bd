"""An S3 store in memory (moto) on a loopback port, with one bucket, `lab`: prints its address, ends when stdin closes.

Run: PYTHONPATH=.../moto-VERSION python3 crates/tracking-server/tests/s3_standin.py
"""

import logging
import sys
import urllib.request

from moto.moto_server.threaded_moto_server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
address = f"http://{host}:{port}"
without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
without_proxy.open(urllib.request.Request(f"{address}/lab", method="PUT")).read()
print(address, flush=True)
sys.stdin.read()
server.stop()
