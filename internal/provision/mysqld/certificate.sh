# What the server shows of itself to clients and other members. Who runs it sets
# address, an IPv4 address, and directory.
# shellcheck disable=SC2154

# ask arguments…: what openssl prints, and whether it does. One that was not heard to
# the end has refused nothing: it ends all.
ask() {
  code=0
  told=$(openssl "$@" 2>/dev/null) || code=$?
  [ $code -le 2 ] || { echo "openssl $1 ended with $code" >&2; exit 1; }
  return $code
}

newline='
'

# read_certificate file: what is asked of a certificate, in one run of openssl. Key,
# certificate and subject are as openssl writes them, and stay empty where there is none.
read_certificate() {
  key='' certificate='' subject='' until=''
  ask x509 -in "$1" -pubkey -subject -nameopt RFC2253 -enddate || return 1
  key=$(between 'PUBLIC KEY') certificate=$(between CERTIFICATE)
  subject=${told#*subject=} until=${told#*notAfter=}
  subject=${subject%%"$newline"*} until=${until%%"$newline"*}
}

# between kind: the block of a kind in what openssl told.
between() {
  block=${told#*-----BEGIN "$1"-----}
  printf '%s' "-----BEGIN $1-----${block%%-----END "$1"-----*}-----END $1-----"
}

# owned file: whether a file has a certificate, which is read, and the key of it.
owned() { read_certificate "$1" && ask pkey -in "$1" -pubout && [ "$key" = "$told" ]; }

# authorized: whether the authority is one for the address.
authorized() {
  owned "$directory/authority.pem" || return 1
  case $subject in "CN=Atoll $address "*) ;; *) return 1 ;; esac
}

# certificate_row prints a row of the question for the server's status.
certificate_row() {
  authority=missing server=missing pem='' until=''
  if command -v openssl >/dev/null; then
    if [ -s "$directory/authority.pem" ]; then
      authority=broken
      if authorized && [ "$certificate" = "$(cat "$directory/ca.pem" 2>/dev/null)" ]; then authority=whole; fi
      pem=$certificate until=''
    fi
    if [ -s "$directory/server.pem" ]; then
      server=broken
      if owned "$directory/server.pem" && ask verify -CAfile "$directory/ca.pem" -no-CApath -purpose sslserver -verify_ip "$address" "$directory/server.pem"; then server=whole; fi
    fi
  fi
  printf 'certificate\t{"authority":"%s","server":"%s","until":"%s","now":%s,"pem":"%s"}\n' \
    "$authority" "$server" "$until" "$(date +%s)" "$(printf '%s' "$pem" | base64 -w0)"
}

# issue days subject extensions: makes a key, and a certificate of it that the
# authority signs, or for the authority itself that key. Both come into one file, so
# that they change together. It begins a week ago: clocks of others may be late.
issue() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$work/key.pem"
  openssl req -new -config "$work/conf" -key "$work/key.pem" -subj "$2" -out "$work/request.pem"
  signer=$directory/authority.pem by="-cert $signer"
  [ "$3" != authority ] || { signer=$work/key.pem by=-selfsign; }
  : >"$work/index"
  # shellcheck disable=SC2086 # by is two words
  openssl ca -batch -notext -config "$work/conf" -keyfile "$signer" $by -in "$work/request.pem" -extensions "$3" \
    -startdate "$(date -u -d '7 days ago' +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$1 days" +%Y%m%d%H%M%SZ)" -out "$work/certificate.pem" 2>"$work/said" ||
    { cat "$work/said" >&2; exit 1; }
  cat "$work/key.pem" "$work/certificate.pem" >"$work/made.pem"
}

# place file mode group: puts what was made where it is used.
place() {
  install -m "$2" -g "$3" "$work/made.pem" "$directory/.atoll.$1"
  sync "$directory/.atoll.$1"
  mv -fT "$directory/.atoll.$1" "$directory/$1"
}

# certify makes the server's certificate, and its authority where there is none that
# is whole: the others know the server by that.
certify() {
  umask 077
  install -d -m 0755 "$directory"
  work=$(mktemp -d /run/atoll/certificate.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  cat >"$work/conf" <<END
[ca]
default_ca = own
[own]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = nobody
prompt = no
[nobody]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
nameConstraints = critical, permitted;IP:$address/255.255.255.255
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:$address
END
  if ! { [ -s "$directory/authority.pem" ] && authorized; }; then
    issue 36500 "/CN=Atoll $address $(openssl rand -hex 8)" authority
    place authority.pem 0600 root
  fi
  openssl x509 -in "$directory/authority.pem" >"$work/made.pem"
  place ca.pem 0644 root
  issue 3650 "/CN=$address" server
  place server.pem 0640 mysql
}
