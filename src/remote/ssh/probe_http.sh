# shellcheck shell=sh
# GET of the URL $1 within $2 seconds. $3: for https, whose CAs are trusted: `own` (the host's) or `given` (those on
# stdin). $4: the same request as curl's configuration, so that no argument list shows it. The other arguments are
# header fields. Prints status line, fields, an empty line and the body.
url=$1
seconds=$2
roots=$3
config=$4
shift 4
if command -v curl >/dev/null 2>&1; then
    set --
    if [ "$roots" = given ]; then
        folder=$(mktemp -d) || exit 1
        trap 'rm -rf "$folder"' EXIT
        trap 'exit 1' HUP INT TERM
        cat >"$folder/ca.pem"
        # Without a folder of its own, curl would trust the host's CAs beside them.
        set -- --cacert "$folder/ca.pem" --capath "$folder"
    fi
    printf '%s' "$config" | curl --disable --silent --show-error --include --http1.1 --globoff --path-as-is \
        --noproxy '*' "$@" --config -
    exit "$?"
fi
command -v wget >/dev/null 2>&1 || exit 97
# It asks for the name that it connects to.
[ -z "$roots" ] || exit 98
for field do
    set -- "$@" "--header=$field"
    shift
done
# busybox has none of these, and of an error it tells only the status.
if wget --version >/dev/null 2>&1; then
    set -- --no-config --no-proxy --tries=1 --max-redirect=0 --content-on-error "--timeout=$seconds" "$@"
fi
# The fields go to stderr and so ahead of the body, which waits for their end.
{
    wget -q -S "$@" -O - "$url" 2>&3 | {
        body=$(cat; printf .)
        printf '\n%s' "${body%.}"
    }
} 3>&1
