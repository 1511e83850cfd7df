# Calling compose for a project's file, in its folder. Needs compose_lib.sh and $env_file.

up() {
  if [ -n "$env_file" ]; then compose -p "$name" --env-file "$env_file" "$@"
  else compose -p "$name" "$@"; fi
}
# Says which images of the project are not on this host, with what that means; fails where there are any.
missing() {
  up config </dev/null 2>/dev/null | sed -n "s/^ *image: *['\"]\{0,1\}\([^'\"]*\).*/\1/p" | sort -u | {
    all=0
    while read -r image; do
      $engine image inspect "$image" >/dev/null 2>&1 || { echo "image $image is not on this host, and $1" >&2; all=1; }
    done
    return "$all"
  }
}
