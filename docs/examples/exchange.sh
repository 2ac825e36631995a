#!/usr/bin/env bash
# A person's own token for an upstream, with nothing but openssl and curl.
#   VAULT=https://vault.example.com CLIENT=reporter KEY=rsa.pem KEY_ID=k1 ./exchange.sh "$SUBJECT_TOKEN" crm
# The key is an RSA key here (RS256): openssl writes its signatures as JWS wants them.
set -euo pipefail
subject_token=$1 upstream=$2

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

now=$(date +%s)
header=$(printf '{"alg":"RS256","kid":"%s"}' "$KEY_ID" | base64url)
claims=$(printf '{"iss":"%s","sub":"%s","aud":"%s","iat":%d,"exp":%d,"jti":"%s"}' \
  "$CLIENT" "$CLIENT" "$VAULT" "$now" "$((now + 60))" "$(openssl rand -hex 16)" | base64url)
signature=$(printf '%s.%s' "$header" "$claims" | openssl dgst -sha256 -sign "$KEY" -binary | base64url)

# --data-urlencode @-: what is secret stands in no command line, where other users of the machine could read it.
printf '%s' "$subject_token" | curl --silent --show-error "$VAULT/oauth2/token" \
  --data-urlencode 'grant_type=urn:ietf:params:oauth:grant-type:token-exchange' \
  --data-urlencode 'client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer' \
  --data-urlencode "client_assertion@"<(printf '%s.%s.%s' "$header" "$claims" "$signature") \
  --data-urlencode 'subject_token@-' \
  --data-urlencode 'subject_token_type=urn:ietf:params:oauth:token-type:access_token' \
  --data-urlencode "audience=$upstream"
