# Swaps back unless the switch is confirmed in time. Started by swap.sh, whose variables are its environment, and
# outlives its connection. $1 tells this one from others. What it did, or why it did not, stands in the folder's file
# `dead-man`. $host_turn and $own_turn: how many seconds it waits for others at the most.
trap '' HUP INT PIPE
cd / || exit 1
umask 022
token=$1
unset program
for number in "$timeout" "$seconds" "$host_turn" "$own_turn"; do digits "$number" || exit 1; done
deadline=$(($(now) + timeout))
ready || exit 1
IFS= read -r boot </proc/sys/kernel/random/boot_id
clock() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# Until this is there swap.sh has changed nothing, and will not.
printf '%s\n' "$run" "$token" "$$" "$boot" "$deadline" "$(clock)" "$link" "$from" "$to" | keep_state armed || exit 1

# Whoever confirms, takes back or removes the folder takes this away. One that cannot be read nobody can confirm.
waits() { if recall armed; then [ "$its_token" = "$token" ]; else [ -n "$why" ]; fi; }

while [ "$(now)" -lt "$deadline" ]; do
  waits || exit 0
  doze 0.2
done
waits || exit 0
# From here on it comes to an end of which it leaves word. What it starts is ended by TERM as ever.
trap : TERM
said=
tell() { printf '%s\n' "$(clock)" "$run" "$link" "$from" "$to" "$timeout" "$1" "$said" | keep_state dead-man; }
# Another app's switch may be ahead, for the time of one that fails. Whoever holds up this host for longer does not hold up
# the way back: that its proof may then look at workers of another reload is the lesser evil.
late=
take_host_turn "$host_turn" || late="it went back without its turn: $why; "
# It never goes without this one: a swap of the same app is moving what it would move.
if ! take_own_turn "$own_turn"; then
  said=$why
  tell stuck
  exit 75
fi
waits || exit 0
# The one rename that either this or a confirmation does. Where nothing can be renamed nobody can confirm either.
if ! mv -fT "$folder/armed" "$folder/acting" 2>/dev/null && ! waits; then exit 0; fi
tell begun
here=$(pointed)
if [ "$here" != "$to" ] && [ "$here" != "$from" ]; then
  said=$(changed "$here")
  result=left
elif ! said=$(point "$from" 2>&1); then result=stuck
elif wanted=$from && said=$(take_effect 2>&1); then result=back
else result=unproven; fi
said=$late$said
tell "$result"
rm -f "$folder/acting" "$folder/armed" || :
