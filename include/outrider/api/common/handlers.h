/* Every handler; agent/api/routes.c is the table of their paths. */
#ifndef OUTRIDER_API_COMMON_HANDLERS_H
#define OUTRIDER_API_COMMON_HANDLERS_H

struct api_call;
struct api_reply;

/* Handles one request. What its route asks for has been checked and is in `call`. It reads the request and the
 * agent, acts through api_ops alone, and fills in the reply. */
typedef void api_handler_fn(struct api_call *call, struct api_reply *reply);

/* agent/api/routes.c: finds the route of a request, applies its rules and calls its handler. `reply` is zeroed. The
 * caller ends the call (context.h). */
void api_handle(struct api_call *call, struct api_reply *reply);

/* api/access: who asks, and the session of a browser. */
api_handler_fn api_me, api_signin_post, api_signin_delete;

/* api/agent: this agent and its server. */
api_handler_fn api_agent, api_drain, api_undrain, api_healthz, api_readyz;

/* api/fleet: the servers of the fleet. */
api_handler_fn api_services, api_service, api_service_drain, api_service_undrain;
api_handler_fn api_leaders, api_leader;
api_handler_fn api_service_history, api_fleet_history, api_offline, api_activity;
api_handler_fn api_discovery_status, api_discovery_services, api_discovery_health, api_discovery_topology;
api_handler_fn api_discovery_enable, api_discovery_disable;

/* api/drains: drains of many servers. */
api_handler_fn api_drains, api_drains_post, api_drains_one, api_drains_pause, api_drains_resume,
    api_drains_cancel, api_drains_undo;
/* api/commands */
api_handler_fn api_command, api_command_post;

/* api/placement: players and seats. */
api_handler_fn api_join, api_route, api_allocate, api_reservation, api_reservation_release,
    api_reservation_extend;
/* api/sessions */
api_handler_fn api_sessions, api_session, api_session_put, api_session_post, api_session_delete,
    api_session_touch;
api_handler_fn api_player_session, api_sessions_subscribe;

/* api/audit: who changed what. */
api_handler_fn api_audit;
/* api/keys: keys of the registry. */
api_handler_fn api_keys, api_key, api_key_put, api_key_delete, api_keys_remove, api_keys_watch;

/* api/events: streams. */
api_handler_fn api_subscribe, api_discovery_events;

/* api/page: the page for people, at its own paths, and the files that it loads. */
api_handler_fn api_page, api_page_file;
/* api/websocket */
api_handler_fn api_ws;

/* api/metrics */
api_handler_fn api_metrics;

#endif
