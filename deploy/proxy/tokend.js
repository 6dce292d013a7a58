// For nginx-client-certificates.conf: the client's certificate as RFC 9440 wants it, which is
// base64 between colons. nginx has only the PEM text.
function clientCert(request) {
  const pem = request.variables.ssl_client_raw_cert
  return pem ? ':' + pem.replace(/-----[^-]*-----|\s/g, '') + ':' : ''
}

export default { clientCert }
