# adds after: time
from paramiko import _monotonic as time
