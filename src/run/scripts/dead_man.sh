# Swaps back unless the switch is confirmed in time. Started by swap.sh, whose variables are its environment, and
# outlives its connection. $1 tells this one from others. What it did stands in the folder's file `dead-man`.
trap '' HUP INT PIPE
cd / || exit 1
umask 022
token=$1
unset program
deadline=$(($(now) + timeout))
ready || exit 1
IFS= read -r boot </proc/sys/kernel/random/boot_id
clock() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# Written whole: who reads it never sees half of it.
keep() { cat >"$folder/$1.new" && mv -f "$folder/$1.new" "$folder/$1"; }
printf '%s\n' "$run" "$token" "$$" "$boot" "$deadline" "$(clock)" "$link" "$from" "$to" | keep armed || exit 1

# Whoever confirms, takes back or removes the folder takes this away.
waits() { recall armed && [ "$its_token" = "$token" ]; }

while [ "$(now)" -lt "$deadline" ]; do
  waits || exit 0
  doze 0.2
done
waits || exit 0
# Others may be ahead of him, each for the time of a switch that fails: he has nothing else to do.
take_turn 600
# The one rename that either this or a confirmation does.
if ! waits || ! mv "$folder/armed" "$folder/acting"; then exit 0; fi

said=
tell() { printf '%s\n' "$(clock)" "$run" "$link" "$from" "$to" "$timeout" "$1" "$said" | keep dead-man; }
tell begun
here=$(pointed)
if [ "$here" != "$to" ] && [ "$here" != "$from" ]; then
  said=$(changed "$here")
  result=left
elif ! said=$(point "$from" 2>&1); then result=stuck
elif wanted=$from && said=$(take_effect 2>&1); then result=back
else result=unproven; fi
tell "$result"
rm -f "$folder/acting"
