// The example application's front end: one page, with Node's standard library only.
const http = require('node:http');

http
  .createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(`<!doctype html>\n<title>Front</title>\n<p>Served by Node ${process.version}.</p>\n`);
  })
  .listen(Number(process.env.PORT), '127.0.0.1');
