"""Serves this directory on 127.0.0.1 to who knows the login in the file given; the port is in `port`."""
import base64, functools, http.server, sys

wanted = "Basic " + base64.b64encode(open(sys.argv[1], "rb").read().strip()).decode()


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") == wanted:
            return super().do_GET()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="canary"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory="."))
open("port", "w").write(str(server.server_port))
server.serve_forever()
