# shellcheck shell=sh
# GET of the URL $1 within $2 seconds. $3: for https, whose CAs are trusted: `own` (the host's) or `given` (those on
# stdin). Then the same request in three forms, as each may hold a token, which no argument list may show: $4 as curl's
# configuration, $5 its header fields as wget's, $6 as it is sent, to the host $7 and the port $8. Prints status line,
# fields, an empty line and the body.
url=$1
seconds=$2
roots=$3
config=$4
fields=$5
request=$6
host=$7
port=$8

make_folder() {
    folder=$(mktemp -d) || exit 1
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 1' HUP INT TERM PIPE
}

if command -v curl >/dev/null 2>&1; then
    set --
    if [ "$roots" = given ]; then
        make_folder
        cat >"$folder/ca.pem"
        # Without a folder of its own, curl would trust the host's CAs beside them.
        set -- --cacert "$folder/ca.pem" --capath "$folder"
    fi
    printf '%s' "$config" | curl --disable --silent --show-error --include --http1.1 --globoff --path-as-is \
        --noproxy '*' "$@" --config -
    exit "$?"
fi
# The others ask for the name that they connect to.
if [ "$roots" ]; then
    command -v wget >/dev/null 2>&1 && exit 98
    exit 97
fi
# busybox's takes address and fields from its arguments alone.
if command -v wget >/dev/null 2>&1 && wget --version >/dev/null 2>&1; then
    make_folder
    printf '%s' "$fields" >"$folder/wgetrc"
    # The fields go to stderr and so ahead of the body, which waits for their end.
    {
        printf '%s\n' "$url" | wget -q -S "--config=$folder/wgetrc" --no-proxy --tries=1 --max-redirect=0 \
            --content-on-error "--timeout=$seconds" -i - -O - 2>&3 | {
            body=$(cat; printf .)
            printf '\n%s' "${body%.}"
        }
    } 3>&1
    exit 0
fi
busybox --list 2>/dev/null | grep -qx nc || exit 97
make_folder
# Held open here, it has no end: servers take a client that says no more for one that has gone.
mkfifo "$folder/request"
exec 3<>"$folder/request"
printf '%s' "$request" >&3
busybox nc -w "$seconds" "$host" "$port" <&3
