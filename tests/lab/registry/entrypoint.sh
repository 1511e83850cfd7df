#!/bin/sh
# Starts the lab's registry: its CA and certificate, its users, then the registry. A container that is started again
# keeps what it has; what a test kills stays dead.
set -eu
umask 077
mkdir -p /etc/registry /var/lib/registry
cd /etc/registry

# A CA of this registry alone, and a certificate of it for the name under which hosts know it.
make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj '/CN=bgctl lab CA' \
    -keyout ca.key -out ca.new
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$REGISTRY_NAME" -keyout tls.key -out tls.csr
  printf 'subjectAltName=DNS:%s\n' "$REGISTRY_NAME" >names
  openssl x509 -req -in tls.csr -CA ca.new -CAkey ca.key -CAcreateserial -days 365 -extfile names -out tls.crt
  mv ca.new ca.crt
}

[ -s ca.crt ] || make_certificate 2>/dev/null
: >htpasswd
# Pairs of a user and a password, on a line each.
printf '%s\n' "$REGISTRY_USERS" | while read -r user password; do
  printf '%s' "$password" | htpasswd -iB htpasswd "$user" 2>/dev/null
done
# Not a child of what waits here, which would not notice its end.
(docker-registry serve /config.yml &)
exec sleep infinity
