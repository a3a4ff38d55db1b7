#!/usr/bin/env bash
# nginx 1.22.1 (Debian 12): a first server answers 503 with X-Accel-Redirect to a named location, which passes the request
# to a second server. Both responses have Cache-Control.
# Expected: the client gets the fields of the second response, as it gets its status and its body.
# Seen: it gets both Cache-Control lines, that of the discarded 503 first, so "no-store" and "private, max-age=60" at once
# (caches have to obey the stricter one, RFC 9111, section 4.2.1). Set-Cookie of the first is kept as well. ETag and Retry-After
# of the first are not. The method and the body of a POST arrive at the second server.
# Needs apt-get (Debian, Ubuntu), curl.
set -euo pipefail
folder="$(mktemp -d)"
trap '[ -f "$folder/pid" ] && kill "$(cat "$folder/pid")"; sleep 1; rm -rf "$folder"' EXIT
(cd "$folder" && apt-get download -qq "nginx=${NGINX:-1.22.1-9+deb12u11}" 2>/dev/null && dpkg-deb -x nginx_*.deb root)
cat > "$folder/conf" <<CONF
pid $folder/pid; error_log $folder/log; events {}
http {
  access_log off; client_body_temp_path $folder/body; proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fcgi; uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
  server {
    listen 127.0.0.1:18531;
    location / { proxy_pass http://127.0.0.1:18532; }
    location @second { proxy_pass http://127.0.0.1:18533; }
  }
  server {
    listen 127.0.0.1:18532;
    add_header X-Accel-Redirect @second always; add_header Cache-Control no-store always; add_header Retry-After 1 always;
    add_header Set-Cookie first=1 always; add_header ETag '"first"' always;
    location / { return 503; }
  }
  server {
    listen 127.0.0.1:18533;
    add_header Cache-Control "private, max-age=60"; add_header ETag '"second"'; add_header X-Got "\$request_method \$http_content_length";
    location / { return 201 created; }
  }
}
CONF
"$folder/root/usr/sbin/nginx" -e "$folder/log" -c "$folder/conf"
sleep 1
seen="$(curl -si --data 12345 http://127.0.0.1:18531/ | tr -d '\r' | grep -iE '^(HTTP|cache-control|etag|retry-after|set-cookie|x-got|created)')"
echo "$seen"
expected="$(printf '%s\n' 'HTTP/1.1 201 Created' 'Cache-Control: no-store' 'Set-Cookie: first=1' 'Cache-Control: private, max-age=60' 'ETag: "second"' 'X-Got: POST 5' created)"
[ "$(sort <<< "$seen")" = "$(sort <<< "$expected")" ]
