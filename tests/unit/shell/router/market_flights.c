#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "market.h"

#include "outrider/registry/registry.h"

static void answer(struct flight *flight, enum registry_failure failure)
{
    struct instant now = market_now(flight->owner);
    seats_router_replied(flight->owner->router,
                         &(struct registry_reply){
                             .id = flight->id, .op = REGISTRY_TXN, .failure = failure, .error = STR("lost")},
                         &now);
}

static void end_flight(struct flight *flight)
{
    registry_txn_free(flight->txn);
    *flight = (struct flight){0};
}

static void submit(struct registry_client *client, uint64_t id, const struct registry_txn *txn)
{
    registry_submit(client,
                    &(struct registry_request){.id = id, .op = REGISTRY_TXN, .txn = txn, .timeout_ms = 1500});
}

/* One request arrives, or not; its answer, or not. */
static void land(struct market *market, struct flight *flight)
{
    unsigned fate = market->faults ? market_below(market, 20) : 19;
    struct flight was = *flight;
    if (flight->ghost) {
        submit(market->ghosts, ++market->last_write, flight->txn);
        end_flight(flight);
    } else if (market->compares_max > 0 && flight->txn->compare_count > market->compares_max) {
        *flight = (struct flight){0};
        market->refused++;
        answer(&was, REGISTRY_REFUSED);
        registry_txn_free(was.txn);
    } else if (market->silent) {
        *flight = (struct flight){0};
        answer(&was, REGISTRY_UNKNOWN);
        registry_txn_free(was.txn);
    } else if (fate == 0 || fate == 1) {
        *flight = (struct flight){0};
        answer(&was, fate == 0 ? REGISTRY_RETRY : REGISTRY_UNKNOWN);
        registry_txn_free(was.txn);
    } else if (fate == 2) { /* carried out, without an answer */
        submit(market->ghosts, ++market->last_write, flight->txn);
        *flight = (struct flight){0};
        market_run(market);
        answer(&was, REGISTRY_UNKNOWN);
        registry_txn_free(was.txn);
    } else if (fate == 3) { /* without an answer, and carried out later */
        flight->ghost = true;
        answer(&was, REGISTRY_UNKNOWN);
    } else {
        submit(flight->owner->changed, flight->id, flight->txn);
        end_flight(flight);
    }
}

/* Several at once are carried out in their order, before an agent hears of any. */
void market_land(struct market *market, unsigned chance)
{
    for (size_t i = 0; i < FLIGHTS; i++) {
        if (market->flights[i].txn != NULL && market_below(market, chance) == 0) {
            land(market, &market->flights[i]);
        }
    }
    market_run(market);
}

void market_pass(struct market *market, int64_t ms)
{
    market->now.mono += ms;
    market->now.boot += ms;
    market->now.wall += ms;
    memory_advance(market->registry, ms);
    for (size_t i = 0; i < AGENTS; i++) {
        struct seats_owner *owner = &market->agents[i];
        struct instant now = market_now(owner);
        (void)fleet_router_step(&owner->fleet.router, &(struct view_event){.type = VIEW_ON_TICK, .now = now});
        seats_router_tick(owner->router, &now);
    }
    market_run(market);
}
