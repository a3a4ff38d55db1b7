#!/usr/bin/env bash
# nginx 1.22.1 (Debian 12): error_page 413 leads to a location that answers by itself, and a client declares a body that
# is larger than client_max_body_size.
# Expected: the same page over HTTP/1.1 and HTTP/2.
# Seen: over HTTP/1.1 it is 413 with the page. Over HTTP/2 nginx's own HTML comes instead, because the declared length is
# compared again on the way to the page; with recursive_error_pages on, it is even 500. With client_max_body_size 0 in that
# location, both versions bring the page.
# Needs apt-get (Debian, Ubuntu), curl with HTTP/2, openssl.
set -euo pipefail
folder="$(mktemp -d)"
trap '[ -f "$folder/pid" ] && kill "$(cat "$folder/pid")"; sleep 1; rm -rf "$folder"' EXIT
(cd "$folder" && apt-get download -qq "nginx=${NGINX:-1.22.1-9+deb12u11}" 2>/dev/null && dpkg-deb -x nginx_*.deb root)
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$folder/key" -out "$folder/crt" 2>/dev/null
page() { # page SERVER-SETTINGS LOCATION-SETTINGS
  cat > "$folder/conf" <<CONF
pid $folder/pid; error_log $folder/log; events {}
http {
  access_log off; client_body_temp_path $folder/body; proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fcgi; uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
  server {
    listen 127.0.0.1:18513 ssl http2; ssl_certificate $folder/crt; ssl_certificate_key $folder/key;
    client_max_body_size 1k; error_page 413 /page; $1
    location = /page { internal; $2 return 200 "too large"; }
    location / { return 204; }
  }
}
CONF
  "$folder/root/usr/sbin/nginx" -e "$folder/log" -c "$folder/conf"
  sleep 1
  for version in --http1.1 --http2; do
    head -c 4096 /dev/zero | curl -sk "$version" --data-binary @- -o "$folder/out" -w '%{http_version} %{http_code} ' https://127.0.0.1:18513/x
    head -c 40 "$folder/out" | tr '\r\n' '  '
    echo
  done
  kill "$(cat "$folder/pid")"; sleep 1
}
seen="$(page '' ''; page 'recursive_error_pages on;' ''; page '' 'client_max_body_size 0;')"
echo "$seen"
expected="1.1 413 too,2 413 <html>,1.1 413 too,2 500 <html>,1.1 413 too,2 413 too,"
[ "$(awk '{print $1, $2, $3}' <<< "$seen" | tr '\n' ',')" = "$expected" ]
