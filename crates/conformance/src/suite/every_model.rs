//! The cases that hold for every server.

use crate::cases;
use crate::model::Model;

/// Theme, name and function of a case.
pub(super) type Named = (&'static str, &'static str, fn(&Model));

pub(super) const CASES: &[Named] = cases! {
    description {
        describe_prints_one_object_and_exits
        describe_opens_nothing
        it_serves_as_many_connections_as_described
        workers_are_what_is_described
        the_default_number_of_workers_is_as_described
        a_sleep_holds_what_is_described
        a_block_stops_what_is_described
        a_wait_of_work_holds_what_is_described
        a_block_of_work_stops_what_is_described
        a_crash_loses_what_is_described
        the_accept_modes_are_those_described
        a_tally_is_written_as_described
    }
    original_client {
        the_original_client_is_served
        the_original_client_is_served_with_two_writes
        one_read_per_prefix_and_body_gets_whole_replies
    }
    wire {
        the_bytes_that_python_2_sends_are_answered
        prefix_and_body_may_come_in_separate_packets
        a_request_may_come_a_byte_at_a_time
        a_request_may_end_at_a_buffer_boundary
        hundreds_of_requests_in_one_write_are_answered_in_order
        pipelined_requests_may_be_cut_anywhere
        different_operations_in_one_write_are_answered_in_order
        a_body_at_the_size_limit_is_accepted_and_returned
        ping_returns_any_json_value_verbatim
        ping_returns_a_deeply_nested_value
        key_order_white_space_and_escapes_do_not_matter
        a_reply_leaves_in_one_write
        with_two_writes_a_prefix_leaves_before_its_body
        two_writes_carry_the_same_reply
    }
    operations {
        pi_is_the_original_sum_to_the_last_digit
        pi_goes_up_to_ten_million
        spin_takes_the_requested_time
        sleep_and_block_take_the_requested_time
        a_blob_has_the_requested_size
        max_frame_changes_the_limits
        an_unknown_operation_is_named_in_the_reply
    }
    work {
        work_takes_the_requested_time
        each_key_of_work_is_optional
        the_reply_to_work_has_the_requested_size
        invalid_work_gets_an_error_that_names_the_key
        work_keeps_its_place_among_pipelined_requests
    }
    errors {
        an_invalid_request_gets_an_error_and_the_connection_continues
        errors_keep_their_place_among_pipelined_requests
        invalid_params_get_an_error
        an_oversized_length_gets_an_error_and_closes_the_connection
        the_error_for_an_oversized_frame_arrives_despite_its_body
        a_connection_closes_cleanly_after_an_oversized_body
        an_endless_oversized_body_is_cut_off
    }
    endings {
        a_half_closed_connection_still_gets_its_replies
        a_half_closed_connection_still_gets_a_slow_reply
        a_half_closed_connection_still_gets_a_large_reply
        half_a_frame_then_end_of_stream_gets_no_reply
        a_connection_without_requests_does_no_harm
        a_close_in_mid_frame_affects_only_its_own_connection
        a_reset_in_mid_request_affects_only_its_own_connection
        a_reset_before_the_reply_affects_only_its_own_connection
        a_reset_during_a_reply_affects_only_its_own_connection
    }
    resets {
        a_reset_during_a_sleep_releases_the_connection
        a_reset_with_requests_behind_a_sleep_releases_the_connection
        a_reset_after_a_half_close_releases_the_connection
        a_reset_with_unread_replies_releases_the_connection
        a_sleep_uses_no_cpu
    }
    waiting {
        requests_behind_a_sleep_are_answered_after_it
        requests_that_arrive_during_a_sleep_are_answered_after_it
    }
    load {
        unread_replies_to_many_requests_use_bounded_memory
        unread_large_replies_use_bounded_memory
        unread_replies_to_work_use_bounded_memory
    }
    connections {
        two_hundred_short_connections_leave_nothing_behind
    }
    lifecycle {
        the_ready_line_has_the_port_that_the_kernel_chose
        nothing_is_printed_per_request_or_connection
        verbose_logs_each_connection_as_it_opens_and_closes
        a_port_in_use_is_reported_in_one_line
        an_address_of_another_machine_is_reported_in_one_line
        a_port_can_be_listened_on_again_at_once
        a_server_that_is_killed_leaves_nothing
        a_server_that_cannot_print_continues_to_serve
        a_server_that_is_killed_as_it_starts_leaves_nothing
        the_idle_timeout_closes_idle_connections_and_no_busy_ones
        idle_connections_stay_open_by_default
    }
    inherited {
        signals_blocked_at_startup_still_work
        signals_ignored_at_startup_still_work
        closed_standard_streams_are_not_reused_for_sockets
        inherited_children_leave_no_zombies
        inherited_timers_do_nothing
        a_file_size_limit_loses_only_log_lines
        without_queued_signals_no_request_is_dropped
    }
    frame_time {
        a_slow_frame_closes_its_connection
        an_unfinished_frame_closes_its_connection
        a_frame_within_the_timeout_is_answered
        a_time_out_of_range_is_refused_in_one_line
        the_longest_times_are_accepted
        idle_connections_are_probed_unless_keepalive_is_off
    }
    second_signal {
        a_second_signal_ends_the_server_at_once
        pressing_ctrl_c_twice_ends_the_server_at_once
        two_signals_at_the_same_time_count_as_one
    }
    unread {
        an_unread_stderr_delays_neither_requests_nor_shutdown
        dropped_log_lines_are_counted_and_reported
        an_unread_stdout_delays_no_request
    }
    drain {
        either_signal_ends_an_unused_server
        either_signal_ends_a_server_that_was_used
        an_idle_connection_does_not_delay_shutdown
        half_a_request_does_not_delay_shutdown
        a_request_in_progress_is_answered_before_exit
        ctrl_c_in_a_terminal_drains_too
        every_request_that_arrived_is_answered_before_exit
        replies_are_written_completely_before_exit
        a_peer_that_never_stops_sending_does_not_delay_shutdown
        a_flood_of_connections_does_not_delay_shutdown
        the_port_is_closed_after_exit
        the_drain_timeout_ends_longer_requests
        the_drain_timeout_ends_unread_replies
    }
    flags {
        a_wrong_flag_is_reported_in_one_line
        help_names_every_flag
        help_names_the_range_of_each_number
    }
    handover {
        the_listener_closes_before_the_last_reply
        the_backlog_is_answered_before_exit
    }
    capacity {
        max_connections_allows_any_number_one_after_another
        a_wrong_connection_limit_is_reported_in_one_line
    }
    supervision {
        a_server_that_is_ready_can_serve
    }
    environment {
        children_in_another_process_namespace_serve
        only_a_port_in_use_gets_advice_to_free_it
    }
    restart {
        a_server_started_with_nohup_survives
    }
};
