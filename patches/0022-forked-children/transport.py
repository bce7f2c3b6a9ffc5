# adds after: ClosingContextManager
from paramiko._forked_child import leave_to_parent

# adds after: _join_lingering_threads
_active_threads = leave_to_parent(_active_threads)
