/* libca as a load program: the same commands as bench-client.
 *
 * `connect N`: gets leave when all channels are connected. `monitor N`: updates are counted. Callbacks are preemptive. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cadef.h>
#include <epicsAtomic.h>
#include <epicsEvent.h>

static int count;
static size_t connected, answered, wrong, updates;
static epicsEventId all_connected, all_answered;

static void check(int status, const char *what) {
    if (status != ECA_NORMAL) {
        fprintf(stderr, "%s: %s\n", what, ca_message(status));
        exit(1);
    }
}

static void on_get(struct event_handler_args args) {
    if (args.status != ECA_NORMAL || *(const double *)args.dbr != (double)(size_t)args.usr)
        epicsAtomicIncrSizeT(&wrong);
    if (epicsAtomicIncrSizeT(&answered) == (size_t)count)
        epicsEventSignal(all_answered);
}

static void on_update(struct event_handler_args args) {
    if (args.status == ECA_NORMAL)
        epicsAtomicIncrSizeT(&updates);
}

static void on_connection(struct connection_handler_args args) {
    if (args.op == CA_OP_CONN_UP && epicsAtomicIncrSizeT(&connected) == (size_t)count)
        epicsEventSignal(all_connected);
}

static void wait_for(epicsEventId event, const char *what) {
    if (epicsEventWaitWithTimeout(event, 30.0) != epicsEventOK) {
        fprintf(stderr, "not in time: %s\n", what);
        exit(1);
    }
}

static void say(const char *key, size_t value) {
    printf("{\"%s\": %zu}\n", key, value);
    fflush(stdout);
}

static int read_line(void) {
    char line[64];
    return fgets(line, sizeof line, stdin) != NULL;
}

static chid *open_all(void) {
    chid *channels = calloc((size_t)count, sizeof *channels);
    check(ca_context_create(ca_enable_preemptive_callback), "context");
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "BENCH:p%d", i);
        check(ca_create_channel(name, on_connection, NULL, 0, &channels[i]), name);
    }
    check(ca_flush_io(), "flush");
    wait_for(all_connected, "connected");
    return channels;
}

static void connect_and_get(void) {
    say("ready", 1);
    read_line();
    chid *channels = open_all();
    for (int i = 0; i < count; i++)
        check(ca_array_get_callback(DBR_DOUBLE, 1, channels[i], on_get, (void *)(size_t)i), "get");
    check(ca_flush_io(), "flush");
    wait_for(all_answered, "answered");
    if (epicsAtomicGetSizeT(&wrong) != 0) {
        fprintf(stderr, "%zu values are wrong\n", epicsAtomicGetSizeT(&wrong));
        exit(1);
    }
    say("done", (size_t)count);
    read_line();
}

static void monitor(void) {
    chid *channels = open_all();
    for (int i = 0; i < count; i++)
        check(ca_create_subscription(DBR_TIME_DOUBLE, 1, channels[i], DBE_VALUE | DBE_ALARM, on_update, NULL, NULL),
              "monitor");
    check(ca_flush_io(), "flush");
    while (epicsAtomicGetSizeT(&updates) < (size_t)count)
        ca_pend_event(0.01);
    say("ready", 1);
    while (read_line())
        say("updates", epicsAtomicGetSizeT(&updates));
}

int main(int argc, char **argv) {
    if (argc != 3 || (count = atoi(argv[2])) <= 0) {
        fprintf(stderr, "usage: %s connect|monitor N\n", argv[0]);
        return 2;
    }
    all_connected = epicsEventMustCreate(epicsEventEmpty);
    all_answered = epicsEventMustCreate(epicsEventEmpty);
    if (strcmp(argv[1], "connect") == 0)
        connect_and_get();
    else
        monitor();
    return 0;
}
