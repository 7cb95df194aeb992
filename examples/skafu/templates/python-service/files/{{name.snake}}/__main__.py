"""Run the service: HOST and PORT say where."""

import os
import signal
import sys
import threading

from .service import make_server


def main():
    server = make_server(os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "{{port}}")))

    def stop(_number, _frame):
        # shutdown() waits for the loop, which runs in this thread.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print("{{name}} listens on %s:%d" % server.server_address, flush=True)
    server.serve_forever()
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
