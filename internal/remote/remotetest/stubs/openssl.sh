#!/bin/sh
# openssl genrsa ... -out FILE BITS, openssl rsa -in FILE [-noout] [-text] [-pubout]: the
# public half of a key is made of its text.
command=$1
while [ $# -gt 0 ]; do
  case $1 in
    -out | -in) file=$2; shift ;;
    -pubout) public=yes ;;
    -text) text=yes ;;
  esac
  shift
done
if [ "$command" = genrsa ]; then
  printf -- '-----BEGIN RSA PRIVATE KEY-----\n%s\n-----END RSA PRIVATE KEY-----\n' "$(head -c 24 /dev/urandom | base64)" >"$file"
  exit
fi
grep -qs 'BEGIN RSA PRIVATE KEY' "$file" || exit 1
[ -z "$text" ] || echo 'Private-Key: (4096 bit, 2 primes)'
[ -z "$public" ] || printf -- '-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n' "$(sed -n 2p "$file" | sha256sum | cut -c1-32)"
