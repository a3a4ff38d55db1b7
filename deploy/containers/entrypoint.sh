#!/bin/sh
# The commands of the image: web, worker, rpc, migrate, or a program with its arguments, such as `flask tokens issue`.
# A secret may be in a file instead of a variable: JWT_SECRET_FILE=/run/secrets/jwt-secret.
set -eu

for name in DATABASE_URL DEBUG_TOKEN JWT_KEYS JWT_SECRET PAGE_TOKEN_SECRET REDIS_URL REPLICA_URL SMTP_URL; do
  eval "file=\${${name}_FILE:-}"
  if [ -n "$file" ]; then
    value=$(cat "$file")
    export "$name=$value"
    unset "${name}_FILE"
  fi
done

command=$1
shift
case $command in
  web) exec python -m gunicorn -c gunicorn.conf.py "$@" wsgi:app ;;
  worker) exec flask worker "$@" ;;
  rpc) RPC_HOST=${RPC_HOST:-0.0.0.0} exec flask rpc serve "$@" ;;
  migrate) exec flask db upgrade "$@" ;;
  *) exec "$command" "$@" ;;
esac
