//! The list of all cases, in groups. A group holds for a server whose description fulfils its condition.
//!
//! The cases that hold for every server are in `suite/every_model.rs`. A case that is missing from both lists is dead code,
//! and the compiler reports it.

use crate::cases;
use crate::model::Model;

/// A case that holds for a server.
pub(crate) struct Case {
    /// Group, theme and name, as the test harness prints them.
    pub(crate) name: String,
    /// Panics if the server fails the case.
    pub(crate) run: fn(&Model),
}

/// Cases with one condition.
struct Group {
    name: &'static str,
    holds: fn(&Model) -> bool,
    cases: &'static [every_model::Named],
}

/// All cases that hold for this server, by its description.
pub(crate) fn cases_for(model: &Model) -> Vec<Case> {
    let all = std::iter::once(&EVERY_MODEL).chain(GROUPS);
    let groups = all.filter(|group| (group.holds)(model));
    groups
        .flat_map(|group| {
            group.cases.iter().map(|(theme, case, run)| Case {
                name: format!("{}::{theme}::{case}", group.name),
                run: *run,
            })
        })
        .collect()
}

/// Builds a list of cases from their themes and names.
macro_rules! cases {
    ($($theme:ident { $($case:ident)+ })+) => {
        &[$($((stringify!($theme), stringify!($case), cases::$theme::$case),)+)+]
    };
}

/// Builds the groups from the names of their cases.
macro_rules! groups {
    ($($group:ident if $holds:expr => { $($cases:tt)+ })+) => {
        &[$(Group {
            name: stringify!($group),
            holds: $holds,
            cases: cases! { $($cases)+ },
        }),+]
    };
}

// Behind the macros, which it uses.
mod every_model;

const EVERY_MODEL: Group = Group {
    name: "every_model",
    holds: |_| true,
    cases: every_model::CASES,
};

const GROUPS: &[Group] = groups! {
    one_connection if Model::serves_one => {
        connections {
            a_second_connection_waits_until_the_first_closes
        }
    }
    several_connections if |model| !model.serves_one() => {
        waiting {
            a_sleep_delays_no_other_connection
            eight_sleeps_at_once_take_as_long_as_one
            a_short_sleep_overtakes_an_earlier_long_one
        }
        load {
            a_peer_that_does_not_read_delays_no_other_connection
            a_peer_that_never_stops_sending_delays_no_other_connection
            a_peer_that_sends_slowly_delays_no_other_connection
        }
        connections {
            a_silent_peer_delays_no_other_connection
        }
        lifecycle {
            a_request_sent_before_the_idle_timeout_is_always_answered
        }
        drain {
            several_connections_drain_at_the_same_time
            no_new_connection_is_served_while_draining
        }
    }
    many_connections if Model::serves_many => {
        connections {
            three_hundred_connections_at_once_are_all_served
            a_hundred_silent_peers_delay_no_other_connection
        }
        capacity {
            max_connections_makes_further_ones_wait
        }
    }
    worker_processes if Model::has_worker_processes => {
        workers {
            workers_hold_no_descriptors_of_other_workers
            a_killed_worker_is_replaced
            workers_that_are_killed_all_at_once_are_all_replaced
            a_worker_that_gets_sigterm_drains_and_is_replaced
            workers_that_keep_dying_are_replaced_more_and_more_slowly
            workers_end_when_the_server_is_killed
        }
        handover {
            a_new_connection_does_not_wait_for_a_draining_worker
            the_backlog_of_a_draining_worker_is_served
            a_draining_worker_takes_no_wake_up_from_another
            workers_that_drain_in_turn_lose_no_connection
            a_signal_to_all_processes_starts_no_new_worker
        }
        passing {
            connections_of_a_killed_worker_are_served_or_closed
        }
        supervision {
            a_worker_that_keeps_dying_is_given_up
            a_restart_at_the_process_limit_waits_for_room
            a_server_whose_workers_all_keep_dying_exits
            help_names_the_limit_of_restarts
            a_server_without_processes_or_threads_exits_with_one_line
        }
    }
    worker_threads if Model::has_worker_threads => {
        failed_restart {
            each_restart_at_the_thread_limit_is_reported
        }
        supervision {
            more_threads_than_the_kernel_allows_are_refused
            a_server_without_processes_or_threads_exits_with_one_line
        }
    }
    serving_on_workers if Model::serves_on_workers => {
        workers {
            there_are_as_many_workers_as_requested
            every_accept_mode_serves
            a_port_in_use_is_reported_in_every_accept_mode
        }
        capacity {
            there_are_no_more_workers_than_connections
        }
        restart {
            sighup_replaces_every_worker
            a_request_in_progress_survives_a_restart
            a_connection_does_not_wait_for_a_replaced_worker
            restarts_in_a_row_lose_no_connection
            a_new_connection_may_send_its_first_request_late
            a_restart_keeps_as_many_workers
            sighup_during_a_restart_replaces_all_workers_again
            sighup_to_all_processes_is_one_restart
            sigterm_ends_a_server_during_a_restart
            many_restarts_leave_no_zombie_and_no_descriptor
            max_connections_holds_after_a_restart
        }
    }
    restarting_processes if Model::has_worker_processes => {
        restart {
            a_replaced_worker_ends_at_the_drain_timeout
        }
        failed_restart {
            a_restart_that_fails_keeps_the_old_workers
        }
    }
    restarting_threads if |model| model.has_worker_threads() && model.serves_on_workers() => {
        restart {
            fifty_generations_of_threads_leave_nothing
            a_replaced_thread_ends_at_the_drain_timeout
        }
    }
    restarting_job_threads if |model| model.has_worker_threads() && model.offloads() => {
        restarted_threads {
            sighup_replaces_every_worker_thread
            requests_in_progress_survive_a_restart
            a_request_does_not_wait_for_a_replaced_thread
            restarts_in_a_row_lose_no_connection
            a_terminal_that_hangs_up_ends_no_server
            sigterm_ends_a_server_during_a_restart
            many_restarts_leave_no_thread_and_no_descriptor
            max_connections_holds_after_a_restart
        }
    }
    accepting_parent if Model::accepts_in_its_parent => {
        passing {
            what_a_killed_worker_has_not_received_is_served
            the_worker_with_the_fewest_connections_gets_the_next
            a_blocked_worker_gets_connections_last
            connections_beyond_a_full_channel_are_served
            connections_beyond_a_full_channel_are_drained
            a_drain_without_room_sleeps_and_can_be_ended
            more_connections_than_descriptors_are_taken_back
            max_connections_counts_workers_that_drain
        }
    }
    without_workers if |model| !model.has_workers() => {
        restart {
            sighup_ends_a_server_without_workers
        }
    }
    with_workers if Model::has_workers => {
        flags {
            a_wrong_worker_flag_is_reported_in_one_line
            help_names_the_default_number_of_workers_and_why
        }
    }
    killed_workers_with_tally if |model| model.has_worker_processes() && model.description.tally => {
        tally {
            a_killed_worker_writes_no_tally_and_its_replacements_do
        }
    }
    with_tally if |model| model.has_workers() && model.description.tally => {
        tally {
            the_tally_adds_up_to_what_was_sent
            a_tally_on_a_full_disk_is_reported
            replaced_workers_write_their_tallies
        }
        environment {
            a_tally_path_that_is_no_file_is_refused
        }
    }
    shared_listener if |model| model.serves_on_workers() && model.accepts("shared") => {
        workers {
            a_blocked_worker_delays_no_new_connection
        }
    }
    listener_per_worker if |model| model.has_worker_processes() && model.accepts("reuseport") => {
        workers {
            reuseport_spreads_connections_over_the_workers
        }
    }
    listener_per_thread if |model| model.has_worker_threads() && model.accepts("reuseport") => {
        accepting {
            reuseport_spreads_connections_over_the_threads
        }
    }
    dealt_connections if |model| model.has_worker_threads() && model.accepts("deal") => {
        accepting {
            deal_gives_connections_to_the_loop_with_fewest
        }
    }
    queued_connections if |model| model.serves_one_per_worker() && model.accepts("queue") => {
        accepting {
            a_full_queue_leaves_connections_in_the_backlog
            a_queue_is_answered_before_exit
            a_silent_peer_delays_no_queue_at_exit
            max_connections_counts_the_queue
            a_restart_loses_nothing_of_the_queue
        }
    }
    listeners if |model| model.accepts("reuseport") => {
        environment {
            too_few_descriptors_for_listeners_are_reported
        }
    }
    forking if Model::forks => {
        connections {
            a_flood_of_connections_leaves_no_zombies
        }
        lifecycle {
            every_process_of_a_forking_server_has_one_thread
            a_killed_child_affects_only_its_own_connections
        }
    }
    connection_per_worker if Model::serves_one_per_worker => {
        connections {
            a_connection_waits_while_all_workers_have_one
        }
    }
    connection_per_process if |model| model.serves_one_per_worker() && model.has_worker_processes() => {
        connections {
            a_worker_that_dies_makes_room_for_a_waiting_connection
        }
    }
    event_loop if Model::is_event_loop => {
        waiting {
            eight_sleeps_in_one_loop_take_as_long_as_one
        }
    }
    offloading if Model::offloads => {
        offloading {
            busy_handlers_delay_no_ping_and_no_sleep
            blocks_beyond_any_queue_delay_no_ping
            requests_behind_a_queued_job_keep_their_order
            thousands_of_requested_jobs_use_bounded_memory
            a_job_without_a_place_stops_reading
            a_reset_while_a_job_runs_or_waits_releases_the_connection
            a_queued_job_whose_peer_has_reset_holds_up_no_other
            jobs_of_reset_peers_use_bounded_memory
            jobs_run_when_no_further_thread_can_be_started
            jobs_of_many_connections_take_turns
            queued_jobs_are_answered_before_exit
        }
    }
    offloading_to_workers if |model| model.offloads() && model.has_worker_threads() => {
        offloading {
            a_rolling_restart_loses_no_job
        }
    }
    blocks_apart if Model::blocks_its_connection_only => {
        waiting {
            eight_blocks_at_once_take_as_long_as_one
        }
    }
    blocked_loop if Model::blocks_its_loop => {
        waiting {
            blocks_in_one_loop_run_one_after_another
        }
    }
    loop_per_process if |model| model.has_worker_processes() && model.serves_many() => {
        capacity {
            a_worker_without_descriptors_leaves_connections_to_the_other
        }
    }
    loop_per_worker if |model| model.serves_on_workers() && model.serves_many() => {
        capacity {
            max_connections_holds_for_all_workers_together
        }
    }
    shared_descriptors if Model::shares_descriptors => {
        limits {
            a_server_recovers_from_a_full_descriptor_table
        }
    }
    spawning if Model::spawns => {
        limits {
            a_server_recovers_when_processes_or_threads_are_refused
        }
        handover {
            a_connection_without_a_process_is_still_answered
        }
        supervision {
            a_server_without_processes_or_threads_exits_with_one_line
        }
    }
};
