# adds after: ClosingContextManager
from paramiko._connection_end import reporting, reports_failure

# adds after: open_only
open_only = reporting(open_only)


class Channel:
    # adds after: recv_exit_status
    recv_exit_status = reports_failure(recv_exit_status, unanswered=-1)
