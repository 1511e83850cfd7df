#!/bin/sh
# Makes a CA and a server's certificate by it, for a test's own time: FOLDER/ca.pem, FOLDER/NAME.pem, FOLDER/NAME.key.
# Usage: certificates.sh FOLDER NAME ALT_NAMES [expired]     (ALT_NAMES: DNS:a.example,IP:127.0.0.1)
set -eu
cd "$1"
name=$2
alt=$3
dates='-days 2'
if [ "${4:-}" = expired ]; then dates='-startdate 20200101000000Z -enddate 20200201000000Z'; fi

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

if [ ! -e ca.pem ]; then
  key ca.key
  openssl req -x509 -new -key ca.key -subj "/CN=CA of a test" -days 2 -out ca.pem
  : >index.txt
  printf '%s\n' '[ca]' 'default_ca = here' '[here]' 'database = index.txt' 'new_certs_dir = .' 'rand_serial = yes' \
    'default_md = sha256' 'policy = names' 'unique_subject = no' '[names]' 'commonName = supplied' >ca.conf
fi
key "$name.key"
openssl req -new -key "$name.key" -subj "/CN=$name" -out "$name.csr"
printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\n' "$alt" >"$name.ext"
# shellcheck disable=SC2086 # two options or four
openssl ca -batch -notext -config ca.conf -cert ca.pem -keyfile ca.key -extfile "$name.ext" $dates \
  -in "$name.csr" -out "$name.pem" 2>"$name.log" || { cat "$name.log" >&2 && exit 1; }
