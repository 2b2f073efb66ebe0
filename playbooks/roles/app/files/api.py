"""The example application's api: one page, with the standard library only."""

import html
import http.server
import json
import os
import platform

with open(os.environ["SETTINGS"], encoding="utf-8") as file:
    SETTINGS = json.load(file)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (
            "<!doctype html>\n"
            f"<title>{html.escape(SETTINGS['title'])}</title>\n"
            f"<p>{html.escape(SETTINGS['title'])} on {html.escape(SETTINGS['host'])},"
            f" served by Python {platform.python_version()}.</p>\n"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", SETTINGS["port"]), Page).serve_forever()
