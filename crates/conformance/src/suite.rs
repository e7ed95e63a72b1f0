//! The list of all cases, by the trait of a model that they hold for.
//!
//! The list is a macro, because it is read twice: in a server's tests, where each case becomes a `#[test]`, and here,
//! where each becomes a function that such a test can call. A case that is missing from the list is dead code, and the
//! compiler says so.

/// Passes the cases of one trait, by theme, to another macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! cases_of {
    (every_model => $emit:ident) => {
        $crate::$emit! { every_model:
            seed {
                the_original_client_is_served
                the_original_client_is_served_with_two_writes
                a_client_that_reads_once_per_prefix_and_body_gets_whole_replies
            }
            wire {
                the_bytes_that_python_2_sends_are_answered
                prefix_and_body_may_come_in_separate_packets
                a_request_may_come_a_byte_at_a_time
                a_request_may_end_where_a_buffer_does
                hundreds_of_requests_in_one_write_are_answered_in_order
                pipelined_requests_may_be_cut_anywhere
                different_operations_in_one_write_are_answered_in_order
                a_body_just_under_the_limit_goes_both_ways
                ping_gives_any_json_value_back_verbatim
                ping_gives_a_deeply_nested_value_back
                order_white_space_and_escapes_in_a_request_mean_nothing
                a_reply_leaves_in_one_write
                with_two_writes_a_prefix_leaves_before_its_body
                two_writes_a_reply_say_the_same
            }
            operations {
                pi_is_the_original_sum_to_the_last_digit
                pi_goes_up_to_ten_million
                spin_takes_as_long_as_it_is_told
                sleep_and_block_take_as_long_as_they_are_told
                a_blob_has_the_size_that_was_asked_for
                max_frame_moves_the_limits
                an_unknown_operation_is_named_in_the_reply
            }
            errors {
                what_is_not_a_request_is_answered_and_the_connection_goes_on
                errors_keep_their_place_among_pipelined_requests
                params_that_an_operation_does_not_take_are_answered
                an_oversized_length_is_answered_and_then_the_connection_closes
                the_reply_to_an_oversized_length_can_be_read_after_much_of_the_body_was_sent
                the_connection_ends_in_good_order_after_an_oversized_body
                a_peer_that_sends_an_oversized_body_for_ever_is_cut_off
            }
            endings {
                a_peer_that_has_finished_sending_still_gets_its_reply
                a_peer_that_has_finished_sending_still_gets_a_reply_that_takes_time
                a_peer_that_has_finished_sending_still_gets_a_large_reply
                a_connection_that_is_finished_in_mid_frame_closes_without_a_reply
                a_connection_without_a_request_costs_nothing
                a_peer_that_vanishes_in_mid_frame_costs_its_own_connection_only
                a_reset_in_mid_request_costs_its_own_connection_only
                a_reset_while_a_reply_is_awaited_costs_its_own_connection_only
                a_reset_while_a_reply_is_written_costs_its_own_connection_only
            }
            vanished {
                a_reset_during_a_sleep_releases_the_connection
                a_reset_with_requests_behind_a_sleep_releases_the_connection
                a_reset_after_half_a_close_releases_the_connection
                a_reset_with_replies_unread_releases_the_connection
                waiting_for_a_sleep_takes_no_cpu
            }
            waiting {
                what_is_pipelined_behind_a_sleep_waits_for_it
                what_arrives_during_a_sleep_is_answered_after_it
            }
            load {
                a_peer_that_does_not_read_many_small_requests_replies_costs_bounded_memory
                a_peer_that_does_not_read_large_replies_costs_bounded_memory
            }
            crowd {
                two_hundred_short_connections_leave_nothing_behind
            }
            lifecycle {
                the_ready_line_has_the_port_that_the_kernel_chose
                nothing_is_printed_per_request_or_connection
                verbose_tells_of_each_connection_as_it_comes_and_goes
                a_port_in_use_is_told_in_one_line
                an_address_of_another_machine_is_told_in_one_line
                a_port_can_be_listened_on_again_at_once
                a_server_that_is_killed_leaves_nothing
                a_server_that_cannot_print_goes_on_serving
                a_server_that_is_killed_as_it_starts_leaves_nothing
                idle_timeout_closes_a_connection_that_is_idle_and_none_that_is_busy
                no_connection_is_closed_for_being_idle_unless_that_is_asked_for
            }
            inherited {
                signals_blocked_at_the_start_work_all_the_same
                signals_ignored_at_the_start_work_all_the_same
                standard_streams_closed_at_the_start_are_not_taken_by_sockets
                children_from_before_the_start_leave_no_zombies
                timers_set_before_the_start_do_nothing
                a_file_size_limit_costs_log_lines_only
                a_limit_of_no_queued_signals_drops_no_request
            }
            frame_time {
                a_frame_that_comes_too_slowly_ends_its_connection
                a_frame_that_stops_ends_its_connection
                a_frame_that_comes_in_time_is_answered
                a_time_out_of_range_is_refused_in_one_line
                the_longest_times_serve
                a_silent_peer_is_probed_unless_that_is_off
            }
            second_signal {
                a_second_signal_ends_the_server_at_once
                ctrl_c_twice_in_a_terminal_ends_the_server_at_once
                two_signals_at_the_same_time_are_one
            }
            unread {
                an_unread_stderr_delays_neither_requests_nor_the_end
                dropped_log_lines_are_counted_and_reported
                an_unread_stdout_delays_no_request
            }
            drain {
                either_signal_ends_an_unused_server
                either_signal_ends_a_server_that_was_used
                an_idle_connection_does_not_hold_up_the_end
                half_a_request_does_not_hold_up_the_end
                a_sleep_in_progress_is_answered_before_the_end
                ctrl_c_in_a_terminal_drains_as_well
                every_request_that_has_arrived_is_answered_before_the_end
                replies_are_written_to_their_end_before_the_end
                a_peer_that_sends_without_end_does_not_hold_up_the_end
                a_flood_of_connections_does_not_hold_up_the_end
                nobody_listens_after_the_end
                the_drain_timeout_ends_what_takes_longer
                the_drain_timeout_ends_replies_that_nobody_reads
            }
            flags {
                a_wrong_flag_is_told_in_one_line
                help_names_every_flag
                help_names_the_range_of_each_number
            }
            handover {
                the_listener_closes_before_the_last_reply
                what_waits_in_the_backlog_is_answered_before_the_end
            }
            capacity {
                max_connections_allows_any_number_one_after_another
                a_wrong_number_of_connections_is_refused_in_one_line
            }
            supervision {
                a_server_that_is_ready_can_serve
            }
            surroundings {
                children_in_another_process_namespace_serve
                only_a_port_in_use_is_to_be_freed
            }
        }
    };
    (one_connection => $emit:ident) => {
        $crate::$emit! { one_connection:
            crowd {
                a_second_connection_waits_for_the_first_to_leave
            }
        }
    };
    (several_connections => $emit:ident) => {
        $crate::$emit! { several_connections:
            waiting {
                a_sleep_delays_no_other_connection
                eight_sleeps_at_once_take_as_long_as_one
                a_short_sleep_ends_before_a_long_one_that_began_earlier
            }
            load {
                a_peer_that_does_not_read_delays_no_other_connection
                a_peer_that_sends_without_end_delays_no_other_connection
                a_peer_that_sends_slowly_delays_no_other_connection
            }
            crowd {
                a_silent_peer_delays_no_other_connection
            }
            lifecycle {
                a_request_that_came_in_time_is_answered_however_late_the_server_sees_it
            }
            drain {
                several_connections_are_drained_side_by_side
                no_new_connection_is_served_during_the_end
            }
        }
    };
    (many_connections => $emit:ident) => {
        $crate::$emit! { many_connections:
            crowd {
                three_hundred_connections_at_once_are_all_served
                a_hundred_silent_peers_delay_no_other_connection
            }
            capacity {
                max_connections_makes_further_ones_wait
            }
        }
    };
    (workers => $emit:ident) => {
        $crate::$emit! { workers:
            workers {
                there_are_as_many_workers_as_asked_for
                a_worker_has_no_more_descriptors_for_being_one_of_many
                either_way_to_accept_serves
                reuseport_spreads_connections_over_the_workers
                a_port_in_use_is_told_whatever_the_way_to_accept
                a_killed_worker_is_replaced
                workers_that_are_killed_all_at_once_are_all_replaced
                a_worker_that_is_told_to_end_drains_and_is_replaced
                a_worker_that_is_held_delays_no_new_connection
                workers_that_keep_dying_are_replaced_ever_more_slowly
                workers_end_with_a_server_that_is_killed
            }
            tally {
                the_tally_adds_up_to_what_was_sent
                a_worker_that_is_killed_leaves_no_line_and_its_successors_leave_their_own
                a_tally_that_finds_no_room_is_told_as_the_worker_ends
            }
            flags {
                a_wrong_flag_of_workers_is_told_in_one_line
                help_says_how_many_workers_there_are_unless_told_and_why
            }
            handover {
                a_new_connection_does_not_wait_for_a_draining_worker
                the_backlog_of_a_draining_worker_is_served
                a_draining_worker_takes_no_wake_up_from_another
                workers_that_drain_in_turn_lose_no_connection
                a_signal_to_all_processes_starts_no_successor
            }
            capacity {
                there_are_no_more_workers_than_connections
            }
            supervision {
                a_worker_that_keeps_dying_is_given_up
                a_server_whose_workers_all_keep_dying_exits
                help_names_the_limit_of_restarts
                a_server_without_processes_or_threads_exits_with_one_line
            }
            surroundings {
                a_tally_that_is_no_file_is_refused
                too_few_descriptors_for_the_listeners_are_named
            }
        }
    };
    (forking => $emit:ident) => {
        $crate::$emit! { forking:
            crowd {
                a_flood_of_connections_leaves_no_zombies
            }
            lifecycle {
                no_process_of_a_server_that_forks_has_a_second_thread
                a_child_that_is_killed_costs_its_own_connections_only
            }
        }
    };
    (connection_per_worker => $emit:ident) => {
        $crate::$emit! { connection_per_worker:
            crowd {
                when_all_workers_have_a_connection_the_next_waits_for_one_to_leave
                a_worker_that_dies_makes_room_for_a_waiting_connection
            }
        }
    };
    (event_loop => $emit:ident) => {
        $crate::$emit! { event_loop:
            waiting {
                eight_sleeps_in_one_loop_take_as_long_as_one
                blocks_in_one_loop_take_as_long_as_their_sum
            }
        }
    };
    (loop_per_worker => $emit:ident) => {
        $crate::$emit! { loop_per_worker:
            capacity {
                a_worker_without_descriptors_leaves_connections_to_the_other
                max_connections_counts_for_all_workers_together
            }
        }
    };
    (shared_descriptors => $emit:ident) => {
        $crate::$emit! { shared_descriptors:
            limits {
                a_full_descriptor_table_is_ridden_out
            }
        }
    };
    (spawning => $emit:ident) => {
        $crate::$emit! { spawning:
            limits {
                a_refused_process_or_thread_is_ridden_out
            }
            handover {
                a_connection_without_a_process_is_still_answered
            }
            supervision {
                a_server_without_processes_or_threads_exits_with_one_line
            }
        }
    };
}

/// Makes a `#[test]` of each case that holds for a model: its name, then the [`Traits`](crate::Traits) that it has.
///
/// It belongs in an integration test of the model's crate, where Cargo tells where the model's program is.
#[macro_export]
macro_rules! suite {
    ($name:literal: $($its_trait:ident),+ $(,)?) => {
        static MODEL: $crate::Model = $crate::Model {
            name: $name,
            exe: env!(concat!("CARGO_BIN_EXE_server-", $name)),
            traits: $crate::Traits { $($its_trait: true,)+ ..$crate::Traits::NONE },
        };
        $crate::cases_of! { every_model => tests_of }
        $($crate::cases_of! { $its_trait => tests_of })+
    };
}

/// A `#[test]` for each case.
#[doc(hidden)]
#[macro_export]
macro_rules! tests_of {
    ($its_trait:ident: $($theme:ident { $($case:ident)+ })+) => {
        mod $its_trait {
            $(mod $theme {
                $(#[test]
                fn $case() {
                    $crate::cases::$its_trait::$theme::$case(&super::super::MODEL);
                })+
            })+
        }
    };
}

/// A function for each case, which a test of another crate can call.
macro_rules! functions_of {
    ($its_trait:ident: $($theme:ident { $($case:ident)+ })+) => {
        pub mod $its_trait {
            $(pub mod $theme {
                $(pub fn $case(model: &$crate::Model) {
                    $crate::$theme::$case(model);
                })+
            })+
        }
    };
}
pub(crate) use functions_of;

/// What the tests of [`suite!`](crate::suite) call.
#[doc(hidden)]
#[allow(clippy::missing_panics_doc, reason = "a case is there to panic")]
pub mod cases {
    cases_of! { every_model => functions_of }
    cases_of! { one_connection => functions_of }
    cases_of! { several_connections => functions_of }
    cases_of! { many_connections => functions_of }
    cases_of! { workers => functions_of }
    cases_of! { forking => functions_of }
    cases_of! { connection_per_worker => functions_of }
    cases_of! { event_loop => functions_of }
    cases_of! { loop_per_worker => functions_of }
    cases_of! { shared_descriptors => functions_of }
    cases_of! { spawning => functions_of }
}
