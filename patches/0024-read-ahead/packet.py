class Packetizer:
    # replaces statement: f28cd8fa8bdebb9e
    def read_all(self):
        x = self.__socket.recv(max(n, self.__wait.read_ahead))
        if len(x) > n:
            self.__remainder = x[n:]
            x = x[:n]
