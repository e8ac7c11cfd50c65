// The few calls of the module `request` that the program makes.
const http = require('http');
function send(method, options, callback) {
  const request = http.request(options.url, { method, headers: options.headers || {} }, (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (piece) => { body += piece; });
    response.on('end', () => callback(null, response, body));
  });
  request.on('error', (error) => callback(error));
  if (options.body !== undefined) request.write(options.body);
  request.end();
}
module.exports = (options, callback) => send('GET', options, callback);
module.exports.post = (options, callback) => send('POST', options, callback);
