# shellcheck shell=sh
# Succeeds when $1 accepts connections on the port $2 within $3 seconds.
tool=97
if command -v nc >/dev/null 2>&1; then
    nc -z -w "$3" "$1" "$2" && exit 0
    tool=1
fi
command -v curl >/dev/null 2>&1 || exit "$tool"
case $1 in *:*) host="[$1]" ;; *) host=$1 ;; esac
# It stays connected until the time is up, so what counts is whether it was ever connected.
connected=$(curl --disable --silent --noproxy '*' --max-time "$3" --write-out '%{time_connect}' \
    "telnet://$host:$2" </dev/null)
case $connected in *[1-9]*) exit 0 ;; esac
echo "no connection" >&2
exit 1
