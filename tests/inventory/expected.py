#!/usr/bin/env python3
"""Writes NAME.json beside each NAME.yml: what Ansible says of it.

The tests read these files and need no Ansible. To write them again, say after a new inventory:
`pip install ansible-core`, then `python3 tests/inventory/expected.py`. Patterns are tried where the .json
that is there already names some under "patterns".
"""
import json
import subprocess
from pathlib import Path

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

for path in sorted(Path(__file__).parent.glob("*.yml")):
    answer = path.with_suffix(".json")
    listing = subprocess.run(["ansible-inventory", "-i", path, "--list"], capture_output=True, check=True)
    hostvars = json.loads(listing.stdout)["_meta"]["hostvars"]
    inventory = InventoryManager(DataLoader(), sources=[str(path)])
    expected = {"groups": inventory.get_groups_dict(), "hosts": {}}
    for host in inventory.get_hosts("all"):
        magic = host.get_magic_vars()
        expected["hosts"][host.name] = {
            "group_names": magic["group_names"],
            "short": magic["inventory_hostname_short"],
            "vars": hostvars.get(host.name, {}),
        }
    patterns = json.loads(answer.read_text()).get("patterns", {}) if answer.exists() else {}
    if patterns:
        expected["patterns"] = {p: [h.name for h in inventory.get_hosts(p)] for p in patterns}
    answer.write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
