# shellcheck shell=sh
# GET of the URL $1 within $2 seconds, the other arguments being header fields; the same as curl's configuration
# on stdin, where no argument list shows it. Prints status line, fields, an empty line and the body.
url=$1
seconds=$2
shift 2
if command -v curl >/dev/null 2>&1; then
    exec curl --disable --silent --show-error --include --http1.1 --globoff --path-as-is --noproxy '*' --config -
fi
command -v wget >/dev/null 2>&1 || exit 97
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
