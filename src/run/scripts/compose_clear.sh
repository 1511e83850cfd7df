# Makes room for a command in a container. Arguments: KIND NAME DIR
clear_one_offs wait
