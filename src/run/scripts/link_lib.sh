# What nginx's symlink says, and how it comes to say something else. Needs $link.

pointed() { readlink "$link"; }

# Points the link there; an empty text removes it.
point() {
  if [ -z "$1" ]; then rm -f "$link"; return; fi
  rm -f "$link.bgctl"
  ln -s "$1" "$link.bgctl" && mv -fT "$link.bgctl" "$link"
}

# What is there stays where it is.
save() { :; }

changed() { echo "$link was changed meanwhile: it points to ${1:-nothing}, not to ${from:-nothing}"; }
put_back() { echo "the link is back on ${1:-nothing}"; }
