#!/bin/sh
# Makes key.pem and certificate.pem in a folder, with the openssl command and nothing else:
#
#   make_certificate.sh <folder> <key> <digest> <valid from> <valid until> [<folder of the issuer>]
#
# <key> is a curve, or RSA and the number of bits. settings.cnf in the folder has the subject and the extensions. Without
# an issuer the certificate is signed by itself. An @ within the subject stands for a zero byte, which no setting of
# openssl can hold; the key has to be of RSA then, for its signatures are all of one size.
set -eu

cd "$1"
case $2 in
RSA*) set -- "$@" -algorithm RSA -pkeyopt "rsa_keygen_bits:${2#RSA}" ;;
*) set -- "$@" -algorithm EC -pkeyopt "ec_paramgen_curve:$2" ;;
esac
digest=$3
from=$4
until=$5
shift 5
if [ "${1#-}" = "$1" ]; then
    issuer=$1
    shift
else
    issuer=
fi

openssl genpkey -quiet "$@" -out key.pem
openssl req -new -config settings.cnf -key key.pem -outform DER -out request.der
if grep -q '^CN.*@' settings.cnf; then
    LC_ALL=C sed -e 's/\([a-z.]\{4\}\)@\([a-z.]\{4\}\)/\1\x00\2/' request.der >changed.der
    openssl asn1parse -inform DER -in changed.der -strparse 4 -noout -out to-be-signed.der
    openssl dgst -sha256 -sign key.pem -out signature to-be-signed.der
    head -c "-$(wc -c <signature)" changed.der | cat - signature >request.der
fi
openssl req -inform DER -in request.der -out request.pem
if [ -n "$issuer" ]; then
    set -- -cert "$issuer/certificate.pem" -keyfile "$issuer/key.pem"
else
    set -- -selfsign -keyfile key.pem
fi
: >index.txt
openssl ca -batch -notext -config settings.cnf -name authority -extensions extensions -create_serial -md "$digest" \
    -startdate "$from" -enddate "$until" "$@" -in request.pem -out certificate.pem
