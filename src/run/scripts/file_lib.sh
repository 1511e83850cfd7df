# What a file holds that nginx reads, and how it comes to hold something else. Needs $link, the file.
# A content is PATH@HASH: where it is kept, and the first 16 digits of its SHA-256.

# What a symlink stands for, so that it stays one.
resolve() { if [ -L "$link" ]; then link=$(readlink -f "$link"); fi; }

hash_of() {
  sum=$(sha256sum <"$1") || return 1
  sum=${sum%% *}
  printf '%.16s\n' "$sum"
}

pointed() {
  resolve
  [ -e "$link" ] || return 0
  here_hash=$(hash_of "$link") || { echo "unreadable@"; return; }
  for version in "$to" "$from"; do
    case $version in *"@$here_hash") printf '%s\n' "$version"; return ;; esac
  done
  printf 'unknown@%s\n' "$here_hash"
}

# Whether a content is kept, as it was.
is_kept() { [ -r "${1%@*}" ] && [ "$(hash_of "${1%@*}")" = "${1##*@}" ]; }

# Keeps what is there, for the way back.
save() {
  if [ -z "$1" ] || is_kept "$1"; then return; fi
  resolve
  kept=${1%@*}
  (umask 022 && mkdir -p "$(dirname "$kept")") && (umask 077 && cp "$link" "$kept.new") && mv -f "$kept.new" "$kept" &&
    is_kept "$1" && return
  rm -f "$kept.new"
  echo "what $link holds cannot be kept for the way back (is there room in $(dirname "$kept")?), so nothing was changed" >&2
  return 1
}

# Gives the file a content, all at once; mode and owner stay. An empty text removes it.
point() {
  resolve
  if [ -z "$1" ]; then rm -f "$link"; return; fi
  is_kept "$1" || { echo "what $link shall hold is not there any more: ${1%@*}" >&2; return 1; }
  new=$(dirname "$link")/.$(basename "$link").bgctl
  rm -f "$new"
  (umask 077 && cp "${1%@*}" "$new") || { rm -f "$new"; return 1; }
  if [ -e "$link" ]; then
    chown "$(stat -c %u:%g "$link")" "$new" && chmod "$(stat -c %a "$link")" "$new"
  else chmod 0644 "$new"; fi && mv -fT "$new" "$link" && return
  rm -f "$new"
  return 1
}

# A content in words.
content() {
  case ${1##*/} in
    '') echo "no file" ;;
    before@*) echo "what it held before" ;;
    *) name=${1##*/}; echo "what it holds for ${name%@*}" ;;
  esac
}

changed() { echo "$link was changed meanwhile: it does not hold what this run found in it; see what changed, then apply again"; }
put_back() { echo "$link is back on $(content "$1")"; }
