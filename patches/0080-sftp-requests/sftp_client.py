# adds after: SFTPFile
from paramiko._patched.sftp import listing, router, transfers


class SFTPClient:
    # adds after: _request
    def _write_all(self, out):
        router.router_of(self).send(out)

    # adds after: _request
    def _read_all(self, n):
        return router.router_of(self).read_exactly(n)

    # adds after: _request
    def _send_version(self):
        return router.negotiate(self)

    # wraps: 8fa087e4a6361eb3 6650c5b30554cefa as __upstream_async_request
    def _async_request(self, fileobj, t, *args):
        router.begin(self)
        return self.__upstream_async_request(fileobj, t, *args)

    # replaces: b4a2cdcb544162e9
    def _read_response(self, waitfor=None):
        return router.read_response(self, waitfor)

    # wraps: d5f7e5a211771527 as __upstream_listdir_iter
    def listdir_iter(self, path=".", read_aheads=50):
        if router.is_own(self, "_read_packet"):
            yield from listing.iterate(self, path, read_aheads)
        else:
            yield from self.__upstream_listdir_iter(path, read_aheads)

    # wraps: a8083b5a544a825b as __upstream_putfo
    def putfo(self, fl, remotepath, file_size=0, callback=None, confirm=True):
        upstream = self.__upstream_putfo
        return transfers.upload(
            self, upstream, fl, remotepath, file_size, callback, confirm
        )

    # wraps: 850fe4d9299346fb as __upstream_getfo
    def getfo(
        self,
        remotepath,
        fl,
        callback=None,
        prefetch=True,
        max_concurrent_prefetch_requests=None,
    ):
        limit = max_concurrent_prefetch_requests
        upstream = self.__upstream_getfo
        return transfers.download(
            self, upstream, remotepath, fl, callback, prefetch, limit
        )

    # wraps: e0d0cd974b46f4db as __upstream_getfo
    def getfo(self, remotepath, fl, callback=None, prefetch=True):
        return transfers.download(
            self, self.__upstream_getfo, remotepath, fl, callback, prefetch
        )


# adds after: SFTPClient
_knows_own = router.know_own(SFTPClient)
