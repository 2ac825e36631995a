#!/usr/bin/env bash
# Hands a token over for the person whom your page signed in itself, with nothing but openssl and curl.
#   VAULT=https://vault.example.com CLIENT=forge-page KEY=rsa.pem KEY_ID=k1 \
#     ./external-page.sh "$INTERACTION_ID" https://idp.example.com alice < token.txt
# The key is an RSA key here (RS256): openssl writes its signatures as JWS wants them.
set -euo pipefail
id=$1 issuer=$2 subject=$3

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

now=$(date +%s)
header=$(printf '{"alg":"RS256","kid":"%s"}' "$KEY_ID" | base64url)
claims=$(printf '{"iss":"%s","sub":"%s","aud":"%s","iat":%d,"exp":%d}' \
  "$CLIENT" "$CLIENT" "$VAULT" "$now" "$((now + 60))" | base64url)
signature=$(printf '%s.%s' "$header" "$claims" | openssl dgst -sha256 -sign "$KEY" -binary | base64url)

# @-: what is secret stands in no command line, where other users of the machine could read it.
printf '{"subject":{"issuer":"%s","subject":"%s"},"token":"%s"}' "$issuer" "$subject" "$(cat)" |
  curl --silent --show-error "$VAULT/external/v1/interactions/$id/token" \
    --header @<(printf 'authorization: Bearer %s.%s.%s' "$header" "$claims" "$signature") \
    --header 'content-type: application/json' --data-binary @-
