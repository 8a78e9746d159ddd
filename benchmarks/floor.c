/* The floor: what is left of a netcat when it does nothing but splice and sendfile.
 *
 *   floor PORT   connect to that port on loopback; stdin goes there, and what comes goes to stdout
 *
 * No options, no errors handled, one thread a direction. What sockcli takes beyond this is its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1 << 20)

static int connection;

/* Poll, then move: a splice that waits for a socket holds the lock of the pipe, and its reader hangs. */
static int ready(int events) {
    struct pollfd end = {.fd = connection, .events = events};
    return poll(&end, 1, -1) > 0;
}

static void *upload(void *unused) {
    struct stat input;
    int regular = !fstat(0, &input) && S_ISREG(input.st_mode);
    fcntl(0, F_SETPIPE_SZ, CHUNK);
    ssize_t sent;
    do {
        sent = regular ? sendfile(connection, 0, NULL, 1 << 30) : splice(0, NULL, connection, NULL, CHUNK, SPLICE_F_MOVE);
    } while (sent > 0 || (sent < 0 && errno == EAGAIN && ready(POLLOUT)));
    shutdown(connection, SHUT_WR);
    return unused;
}

static ssize_t receive(int pipe) {
    ssize_t got;
    do {
        got = splice(connection, NULL, pipe, NULL, CHUNK, SPLICE_F_MOVE);
    } while (got < 0 && errno == EAGAIN && ready(POLLIN));
    return got;
}

static void download(void) {
    struct stat output;
    int ends[2];
    ssize_t got;
    fstat(1, &output);
    if (S_ISFIFO(output.st_mode)) {
        fcntl(1, F_SETPIPE_SZ, CHUNK);
        while (receive(1) > 0)
            ;
        return;
    }
    pipe(ends);
    fcntl(ends[1], F_SETPIPE_SZ, CHUNK);
    while ((got = receive(ends[1])) > 0)
        while (got > 0)
            got -= splice(ends[0], NULL, 1, NULL, got, SPLICE_F_MOVE);
}

int main(int argc, char **argv) {
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0)};
    pthread_t thread;
    connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&to, sizeof to))
        return 1;
    fcntl(connection, F_SETFL, O_NONBLOCK);
    pthread_create(&thread, NULL, upload, NULL);
    download();
    pthread_join(thread, NULL);
    return 0;
}
