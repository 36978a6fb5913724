"""The faults: (name, where it comes from, [(file in src, piece, its replacement)])."""

LEDGER = "pool/ledger.cpp"
CONNECTIONS = "pool/ledger_connections.cpp"
OPERATOR = "pool/ledger_operator.cpp"
TIME = "pool/ledger_time.cpp"
GATE = "pool/connect_gate.hpp"
SIZING = "pool/sizing.hpp"
WAITERS = "pool/waiters.cpp"
LEAKS = "pool/leak_watch.hpp"
ADAPTIVE = "pool/ledger_sizing.cpp"

MUTANTS = [
    (
        "forget_to_dispatch_after_a_failed_connect",
        "reactor-pool#82",
        [(CONNECTIONS, "    vacant_.push_back(id.index);\n    dispatch(now, slots_[id.index].affinity, out);",
          "    vacant_.push_back(id.index);")],
    ),
    (
        "lose_the_place_of_a_failed_connect",
        "vixcpp/vix#445",
        [(CONNECTIONS, "    connect_has_failed(now, id.index, out);\n    move(id.index, slot_state::vacant);",
          "    connect_has_failed(now, id.index, out);\n    if (settings_.max_size > 1) return true;\n"
          "    move(id.index, slot_state::vacant);")],
    ),
    (
        "destroy_the_connection_whose_caller_is_gone",
        "sqlx#3132",
        [(CONNECTIONS, "    if (settled.retired) return begin_close(now, which, settled.reason, out);",
          "    if (settled.retired) return begin_close(now, which, settled.reason, out);\n"
          "    if (settled.uses == 0 && waiters_.empty() && kept_ > floor()) "
          "return begin_close(now, which, close_reason::retired, out);")],
    ),
    (
        "forget_to_dispatch_after_a_release",
        "sqlx#622",
        [(LEDGER, "        regroup(which);\n    }\n    dispatch(now, returned.affinity, out);",
          "        regroup(which);\n    }")],
    ),
    (
        "forget_to_dispatch_after_a_close",
        "node-pool#161",
        [(CONNECTIONS, "    note_drained(out);\n    dispatch(now, affinity, out);", "    note_drained(out);")],
    ),
    (
        "forget_to_dispatch_after_a_check",
        "bb8#122",
        [(CONNECTIONS, "        begin_close(now, id.index, close_reason::broken, out);\n    }\n"
          "    dispatch(now, slots_[id.index].affinity, out);\n    return true;\n}\n\nbool ledger::reset_done",
          "        begin_close(now, id.index, close_reason::broken, out);\n    }\n"
          "    return true;\n}\n\nbool ledger::reset_done")],
    ),
    (
        "forget_to_dispatch_after_a_loss",
        "node-pool#183",
        [(CONNECTIONS, "begin_close(now, id.index, reason, out);\n    dispatch(now, slots_[id.index].affinity, out);",
          "begin_close(now, id.index, reason, out);")],
    ),
    (
        "forget_to_dispatch_after_a_resize",
        "deadpool 0.12.2",
        [(OPERATOR, "finish_warm_up(out);\n    dispatch(now, any_affinity, out);\n}\n\n/// The hot end",
          "finish_warm_up(out);\n}\n\n/// The hot end")],
    ),
    (
        "forget_to_dispatch_after_resume",
        "HikariCP#2161",
        [(OPERATOR, "    paused_ = false;\n    dispatch(now, any_affinity, out);", "    paused_ = false;")],
    ),
    (
        "serve_callers_past_their_deadline",
        "vitess#20310",
        [(LEDGER, "        if (who.deadline <= now) {", "        if (who.deadline < time_point::min() + duration(1)) {")],
    ),
    (
        "count_the_deadline_anew_after_each_check",
        "node-mysql2#4498",
        [(TIME, "    waiters_.expire(now, [&](waiter_id who) {",
          "    waiters_.expire(now - (in(slot_state::checking) > 0 ? settings_.check_timeout : duration::zero()), "
          "[&](waiter_id who) {")],
    ),
    (
        "free_the_place_before_the_connection_is_closed",
        "pgx#2425",
        [(LEDGER, "    change(which.overflow ? overflow_ : regular_, 1);",
          "    if (which.state != slot_state::closing) change(which.overflow ? overflow_ : regular_, 1);")],
    ),
    (
        "open_one_more_than_max",
        "pool2#30",
        [(SIZING, "    const std::size_t room = in.max > in.existing ? in.max - in.existing : 0;",
          "    const std::size_t room = in.max >= in.existing ? in.max + 1 - in.existing : 0;")],
    ),
    (
        "no_deadline_for_connects",
        "HikariCP#2186",
        [(CONNECTIONS, "    fresh.transient_until = now + settings_.connect_timeout;",
          "    fresh.transient_until = now + std::chrono::hours(24);")],
    ),
    (
        "forget_the_place_of_a_connect_that_timed_out",
        "httpcore#1093",
        [(TIME, "slot_state::connecting) connect_has_failed(now, which, out);",
          "slot_state::connecting) return connect_has_failed(now, which, out);")],
    ),
    (
        "ask_only_once_for_a_close_that_hangs",
        "styx#333",
        [(TIME, "    abandon(now, which, close_reason::broken, out);",
          "    if (state != slot_state::closing) abandon(now, which, close_reason::broken, out);")],
    ),
    (
        "believe_a_late_answer",
        "puddle 2.0.0",
        [(LEDGER, "    if (is_current(which) && slots_[which.index].state == expected) return false;",
          "    if (which.index < slots_.size() && slots_[which.index].state == expected) return false;")],
    ),
    (
        "believe_a_second_release",
        "A12",
        [(LEAKS, "all_[which.index].out && all_[which.index].generation == which.generation;",
          "all_[which.index].out;")],
    ),
    (
        "cancel_whoever_has_the_place_now",
        "hibernate-reactive#4133",
        [("pool/waiters.hpp", "               all_[which.index].generation == which.generation;", "               true;")],
    ),
    (
        "trust_the_borrower_who_says_dirty",
        "sqlx#4393",
        [(LEDGER, "    if (verdict == verdict::needs_reset) returned.dirty = true;", "    static_cast<void>(verdict);")],
    ),
    (
        "lend_again_what_came_back_broken",
        "redis-py#2665",
        [(LEDGER, "    if (verdict == verdict::broken) retire(which, close_reason::broken);", "")],
    ),
    (
        "share_a_dirty_connection",
        "deadpool#258",
        [(LEDGER, "which.leases < which.capacity && !which.dirty && !is_worn(which);",
          "which.leases < which.capacity && !is_worn(which);")],
    ),
    (
        "trust_a_reset_that_failed",
        "sqlx#4385",
        [(CONNECTIONS, "    if (clean) {\n        slots_[id.index].dirty = false;",
          "    if (clean || true) {\n        slots_[id.index].dirty = false;")],
    ),
    (
        "trust_a_check_that_failed",
        "HikariCP#1971",
        [(CONNECTIONS, "    if (works) {\n", "    if (works || slots_[id.index].uses > 1) {\n")],
    ),
    (
        "lend_what_was_fenced_during_its_check",
        "HikariCP#1802",
        [(CONNECTIONS, "    if (settled.retired) return begin_close(now, which, settled.reason, out);\n",
          "    if (settled.retired && !only_checked) return begin_close(now, which, settled.reason, out);\n")],
    ),
    (
        "do_not_fence_connects_under_way",
        "vert.x#6251",
        [(OPERATOR, "        if (state == slot_state::vacant || state == slot_state::closing) continue;",
          "        if (state == slot_state::vacant || state == slot_state::closing || state == slot_state::connecting) "
          "continue;")],
    ),
    (
        "let_the_newest_caller_go_first",
        "golang/go#31708",
        [(WAITERS, "    queues_[priority - highest_priority].push_back(all_, index);",
          "    queues_[priority - highest_priority].push_front(all_, index);")],
    ),
    (
        "no_ageing_of_low_priorities",
        "asyncpg#1247",
        [(WAITERS, "        if (best == no_index || due(all_[head]) < due(all_[best])) best = head;\n    }\n"
          "    return {best, all_[best].generation};\n}\n\nwaiter_id waiters::earliest",
          "        if (best == no_index) best = head;\n    }\n"
          "    return {best, all_[best].generation};\n}\n\nwaiter_id waiters::earliest")],
    ),
    (
        "lend_to_newcomers_during_a_pause",
        "HikariCP suspend",
        [(LEDGER, "    if (lifecycle_ == lifecycle::open && !paused_ && waiters_.empty()) {",
          "    if (lifecycle_ == lifecycle::open && waiters_.empty()) {")],
    ),
    (
        "no_bound_of_the_queue",
        "mysqljs/mysql#475",
        [(LEDGER, "    if (waiters_.size() >= settings_.max_waiters)", "    if (waiters_.size() > settings_.max_waiters)")],
    ),
    (
        "no_pause_after_a_failed_connect",
        "agroal#214",
        [(GATE, "        return has_place(running) && now >= not_before_;",
          "        return has_place(running) && (now >= not_before_ || failures_ > 2);")],
    ),
    (
        "as_many_connects_at_once_while_they_fail",
        "HikariCP#379",
        [(GATE, "        return running < (failing_ ? 1 : max_concurrent_);", "        return running < max_concurrent_;")],
    ),
    (
        "one_connect_at_a_time_for_ever",
        "HikariCP#1977",
        [(GATE, "        failing_ = false;\n        not_before_ = time_point::min();\n    }\n    void failed",
          "        not_before_ = time_point::min();\n    }\n    void failed")],
    ),
    (
        "each_of_many_failures_lengthens_the_pause",
        "found here",
        [(GATE, "        if (round != round_) return;\n", "        static_cast<void>(round);\n")],
    ),
    (
        "connect_in_a_loop_to_a_server_that_hangs_up",
        "HikariCP#1256",
        [(CONNECTIONS, "    if (which.open && !which.used) gate_.failed(now, which.connect_round, random_);",
          "    static_cast<void>(now);\n    static_cast<void>(which);")],
    ),
    (
        "wait_out_the_deadline_while_the_server_is_down",
        "HikariCP#1474",
        [(LEDGER, "    if (!waiters_.empty() && is_down()) refuse_while_down(now, out);", "")],
    ),
    (
        "do_not_wake_for_the_next_attempt",
        "HikariCP#1663",
        [(TIME, "        next = std::min(next, gate_.not_before());", "        next = std::min(next, never);")],
    ),
    (
        "do_not_say_that_the_wake_changed",
        "vitess#17662",
        [(LEDGER, "    // The next attempt, and the end of patience, depend on more than the timers.\n    wake_changed_ = true;",
          "")],
    ),
    (
        "do_not_say_that_a_timer_was_armed",
        "bb8#154",
        [(TIME, "    slots_[which].armed_for = when;\n    wake_changed_ = true;", "    slots_[which].armed_for = when;")],
    ),
    (
        "break_before_make",
        "vitess#20080",
        [(CONNECTIONS, "    if (kept_ > settings_.min_size) return begin_close(now, which, close_reason::lifetime, out);\n    unlist",
          "    if (kept_ > 0) return begin_close(now, which, close_reason::lifetime, out);\n    unlist")],
    ),
    (
        "never_let_the_old_one_go",
        "HikariCP#2099",
        [(CONNECTIONS, "        if (!replaced && (!no_room || gate_.failing())) return;", "        if (!no_room) return;")],
    ),
    (
        "close_below_the_minimum",
        "pgbouncer#648",
        [(TIME, "    if (too_long && kept_ > floor()) return", "    if (too_long && kept_ > 0) return")],
    ),
    (
        "checks_count_as_use",
        "golang/go#43173",
        [(CONNECTIONS, "    make_idle(now, which, only_checked ? settled.idle_since : since, since);",
          "    make_idle(now, which, since, since);")],
    ),
    (
        "no_check_after_a_long_idle_time",
        "undici#5450",
        [(LEDGER, "now - which.proven_at <= settings_.check_after_idle;",
          "now - which.proven_at <= settings_.check_after_idle * 2;")],
    ),
    (
        "lend_beyond_the_lifetime",
        "HikariCP maxLifetime",
        [(LEDGER, "        if (now >= slots_[first].expires_at) {", "        if (now > deadline_after(slots_[first].expires_at, settings_.keep_alive)) {")],
    ),
    (
        "a_shared_connection_lives_for_ever",
        "found here",
        [(LEDGER, "        const bool old = now >= slots_[candidate].expires_at;", "        const bool old = false;")],
    ),
    (
        "a_shared_connection_is_never_worn_out",
        "found here",
        [("pool/ledger.hpp", "        return settings_.max_uses != 0 && which.uses >= settings_.max_uses;",
          "        return settings_.max_uses != 0 && which.leases == 0 && which.uses >= settings_.max_uses;")],
    ),
    (
        "more_leases_than_the_peer_allows",
        "httpcore#1035",
        [(CONNECTIONS, "    expected_capacity_ = capacity;\n    regroup(id.index);", "    expected_capacity_ = capacity;")],
    ),
    (
        "a_crowd_opens_a_connection_each",
        "undici#5362",
        [(LEDGER, "      expected_capacity_(settings.expected_capacity),", "      expected_capacity_(1),")],
    ),
    (
        "keep_what_is_beyond_max",
        "A5 of the features",
        [(CONNECTIONS, "        const bool needed = !settled.used && !paused_ && !waiters_.empty();",
          "        const bool needed = !paused_ && !waiters_.empty();")],
    ),
    (
        "no_bound_of_what_is_beyond_max",
        "pool2#30",
        [(CONNECTIONS, "           overflow_ < settings_.max_overflow;", "           overflow_ <= settings_.max_overflow;")],
    ),
    (
        "see_a_deadlock_while_a_check_could_end_it",
        "found here",
        [(LEDGER, "    if (in(slot_state::leased) + in(slot_state::draining) < regular_ + overflow_) return false;",
          "    if (in_flight_ > 0) return false;")],
    ),
    (
        "see_no_deadlock",
        "HikariCP#442",
        [(LEDGER, "    return blocked == leases_.size();", "    return blocked > leases_.size();")],
    ),
    (
        "forget_that_a_holder_no_longer_waits",
        "agroal#31",
        [(LEDGER, "    blocked_leases_ -= found->second.leases;\n", "")],
    ),
    (
        "close_more_than_a_smaller_max_asks_for",
        "found here",
        [(CONNECTIONS, "    } else if (live_ + (settled.state == slot_state::connecting ? 1 : 0) > size_limit_) {",
          "    } else if (regular_ > size_limit_) {")],
    ),
    (
        "shut_down_without_an_answer_to_those_who_wait",
        "httpcore#631",
        [(OPERATOR, "    while (!waiters_.empty()) refuse(waiters_.first(), errc::pool_closed, false, out);\n", "")],
    ),
    (
        "shut_down_and_wait_for_connects",
        "psycopg#784",
        [(OPERATOR, "            case slot_state::connecting:\n            case slot_state::checking:\n",
          "            case slot_state::connecting: break;\n            case slot_state::checking:\n")],
    ),
    (
        "shut_down_without_an_end",
        "puddle 1.1.4",
        [(TIME, "    if (drain_until_ <= now) end_drain(now, out);\n", "")],
    ),
    (
        "a_second_drain_prolongs_the_first",
        "puddle 2.0.1",
        [(OPERATOR, "    drain_until_ = std::min(drain_until_, deadline);", "    drain_until_ = deadline;")],
    ),
    (
        "report_a_leak_at_each_tick",
        "r2dbc-pool#140",
        [(LEAKS, "        unreported_.remove(all_, index);\n        return {index, all_[index].generation};",
          "        unreported_.remove(all_, index);\n        all_[index].since += leak_after_;\n"
          "        unreported_.push_back(all_, index);\n        return {index, all_[index].generation};")],
    ),
    (
        "lend_during_a_pause",
        "HikariCP suspend",
        [(LEDGER, "    if (!paused_) {\n        if (!waiters_.empty()) {", "    if (!paused_ || in(slot_state::idle) > 2) {\n        if (!waiters_.empty()) {")],
    ),
    (
        "lend_what_was_idle_longest",
        "golang/go#68539",
        [(LEDGER, "settings_.order == idle_order::last_in_first_out;", "settings_.order != idle_order::last_in_first_out;")],
    ),
    (
        "grow_for_those_whose_connection_is_on_its_way",
        "HikariCP#442, over-creation",
        [(ADAPTIVE, "    return waiters_.size() > in_flight_ ? waiters_.size() - in_flight_ : 0;",
          "    return waiters_.size();")],
    ),
    (
        "open_more_than_the_budget_allows",
        "a budget that is only looked at when it is asked",
        [(ADAPTIVE, "std::exchange(size_limit_, std::min(wanted_size_, allowance_));",
          "std::exchange(size_limit_, wanted_size_);")],
    ),
    (
        "shrink_and_leave_the_connections_open",
        "found here",
        [(ADAPTIVE, "    close_surplus(now, out);\n    if (warm_target_",
          "    static_cast<void>(now);\n    if (warm_target_")],
    ),
    (
        "look_at_the_size_for_ever",
        "an idle pool that wakes up",
        [(ADAPTIVE, "        size_due_ = never;\n    } else {", "        begin_interval(now);\n    } else {")],
    ),
    (
        "measure_after_the_change",
        "found here",
        [(LEDGER, "    measure(now);\n    if (adaptive_) meter_.unused_since(since);",
          "    if (adaptive_) meter_.unused_since(since);")],
    ),
]
