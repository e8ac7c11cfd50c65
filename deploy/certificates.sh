#!/bin/sh
# Makes a test authority and a certificate for each datacenter, for trying TLS out. A real deployment has an authority of its own and guards its key.
#
#   deploy/certificates.sh DIRECTORY NAME[,HOST...]...
#   deploy/certificates.sh certificates dc-east,east.example.org,10.0.0.1 dc-west
#
# It writes DIRECTORY/authority.pem and, for each NAME, NAME.pem and NAME.key. A certificate is for the datacenter's NAME, for localhost and the loopback
# addresses, and for each HOST (a DNS name or an address) by which clients call the node.
#
# It can be run again: the authority stays, and so does a certificate that has the same names and more than DAYS_LEFT days left (default 30). One that is
# made anew is valid for DAYS days (default 365) and put in place at once, key first; a node that runs takes it up by itself.
set -eu

fail() {
    echo "certificates.sh: $1" >&2
    exit 2
}

[ $# -ge 2 ] || fail "usage: certificates.sh DIRECTORY NAME[,HOST...]..."
command -v openssl >/dev/null 2>&1 || fail "openssl is missing: install it (apt-get install openssl), and run this again"
directory=$1
shift
days=${DAYS:-365}
days_left=${DAYS_LEFT:-30}
umask 077
mkdir -p "$directory"
scratch=$(mktemp -d "$directory/.new.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM HUP

# A configuration of our own: what the system's says must not matter.
cat >"$scratch/config" <<END
[req]
distinguished_name = subject
prompt = no
[subject]
CN = rejoin
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
END

new_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

serial() {
    echo "0x01$(openssl rand -hex 15)"
}

if [ ! -e "$directory/authority.key" ] || [ ! -e "$directory/authority.pem" ]; then
    [ ! -e "$directory/authority.key" ] && [ ! -e "$directory/authority.pem" ] ||
        fail "of authority.pem and authority.key only one is in $directory: bring the other back, or remove it and all that it has issued"
    new_key "$scratch/authority.key"
    openssl req -x509 -new -config "$scratch/config" -extensions authority -key "$scratch/authority.key" -sha256 \
        -days 3650 -subj "/CN=rejoin test authority $(openssl rand -hex 4)" -set_serial "$(serial)" -out "$scratch/authority.pem"
    chmod 644 "$scratch/authority.pem"
    mv "$scratch/authority.key" "$directory/authority.key"
    mv "$scratch/authority.pem" "$directory/authority.pem"
    echo "made the authority $directory/authority.pem (its key: authority.key)"
fi

# The names of a certificate, as openssl's configuration has them.
names_of() {
    names="DNS:$1,DNS:localhost,IP:127.0.0.1,IP:::1"
    rest=$2
    while [ -n "$rest" ]; do
        host=${rest%%,*}
        case $rest in *,*) rest=${rest#*,} ;; *) rest= ;; esac
        case $host in
            '') ;;
            *[!0-9.]*)
                case $host in
                    *:*) names="$names,IP:$host" ;;
                    *) names="$names,DNS:$host" ;;
                esac
                ;;
            *) names="$names,IP:$host" ;;
        esac
    done
    echo "$names"
}

for asked in "$@"; do
    name=${asked%%,*}
    case $asked in *,*) hosts=${asked#*,} ;; *) hosts= ;; esac
    case $name in
        '' | authority | -* | *[!a-z0-9-]*) fail "$name is not a datacenter's name: a-z, 0-9 and hyphens (and not \"authority\")" ;;
    esac
    names=$(names_of "$name" "$hosts")
    certificate=$directory/$name.pem
    cat >"$scratch/extensions" <<END
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = $names
END
    new_key "$scratch/key"
    openssl req -new -config "$scratch/config" -key "$scratch/key" -subj "/CN=$name" -out "$scratch/request"
    openssl x509 -req -in "$scratch/request" -CA "$directory/authority.pem" -CAkey "$directory/authority.key" -set_serial "$(serial)" \
        -sha256 -days "$days" -extfile "$scratch/extensions" -out "$scratch/certificate" 2>/dev/null
    alternatives() { openssl x509 -in "$1" -noout -ext subjectAltName 2>/dev/null; }
    if [ -e "$certificate" ] && [ -e "$directory/$name.key" ] &&
        [ "$(alternatives "$certificate")" = "$(alternatives "$scratch/certificate")" ] &&
        openssl x509 -in "$certificate" -noout -checkend $((days_left * 86400)) >/dev/null &&
        openssl verify -CAfile "$directory/authority.pem" "$certificate" >/dev/null 2>&1; then
        echo "kept $certificate"
        continue
    fi
    chmod 644 "$scratch/certificate"
    mv "$scratch/key" "$directory/$name.key"
    mv "$scratch/certificate" "$certificate"
    echo "made $certificate for $(echo "$names" | sed 's/DNS://g; s/IP://g; s/,/, /g')"
done
