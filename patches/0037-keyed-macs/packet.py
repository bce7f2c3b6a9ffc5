# adds after: Message
from paramiko._keyed_mac import keyed_mac


class Packetizer:
    # replaces statement: cac40ac5db9cba4c
    def set_outbound_cipher(self):
        self.__mac_key_out = mac_key
        self.__mac_out = keyed_mac(mac_key, mac_engine)

    # replaces statement: 03b9081f7f8a2b5c
    def set_inbound_cipher(self):
        self.__mac_key_in = mac_key
        self.__mac_in = keyed_mac(mac_key, mac_engine)

    # replaces statement: aec81d6e40b4a9ef
    def send_message(self):
        to_digest = out if self.__etm_out else packet

    # replaces statement: 732bb8e82b9fb8d1
    def send_message(self):
        mac = self.__mac_out.digest(packed, to_digest)

    # replaces statement: f65ed94c2ca62713
    def send_message(self):
        out = b"".join((length, out, mac[: self.__mac_size_out]))

    # replaces statement: de9828590e9b02ea each of 2
    def read_message(self):
        my_mac = self.__mac_in.digest(mac_payload)[: self.__mac_size_in]
