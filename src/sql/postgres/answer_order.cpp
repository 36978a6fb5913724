#include "sql/postgres/answer_order.hpp"

namespace lido::postgres {

/// The next stage that was asked for.
answer_order::stage answer_order::after(stage before) const noexcept {
    switch (before) {
        case stage::parse:
            return sent_.execute ? stage::bind : after(stage::execute);
        case stage::bind:
            return sent_.describe ? stage::describe : stage::execute;
        case stage::describe:
            return stage::execute;
        case stage::close:
        case stage::execute:
            return sent_.sync ? stage::sync : stage::ended;
        case stage::sync:
        case stage::ended:
            break;
    }
    return stage::ended;
}

answer_order::meaning answer_order::step(bool expected, meaning as) noexcept {
    if (!expected) return meaning::out_of_order;
    enter(after(stage_));
    return as;
}

answer_order::meaning answer_order::take(char type) noexcept {
    if (has_ended()) return meaning::out_of_order;
    switch (type) {
        case '1':
            return step(stage_ == stage::parse, meaning::nothing);
        case '2':
            return step(stage_ == stage::bind, meaning::nothing);
        case '3':
            return step(stage_ == stage::close, meaning::nothing);
        case 'T':
            return step(stage_ == stage::describe, meaning::columns);
        case 'n':
            return step(stage_ == stage::describe, meaning::no_columns);
        case 'D':
            return stage_ == stage::execute ? meaning::row : meaning::out_of_order;
        case 'C':
            return step(stage_ == stage::execute, meaning::completed);
        case 'I':
            return step(stage_ == stage::execute, meaning::empty);
        case 'G':
        case 'H':
            return stage_ == stage::execute ? meaning::copies : meaning::out_of_order;
        case 'Z':
            return step(stage_ == stage::sync, meaning::synced);
        case 'E':
            // The rest is skipped up to the Sync; what fails at the Sync itself is answered before its end.
            if (stage_ != stage::sync) enter(after(stage::execute));
            return meaning::refused;
        default:
            return meaning::out_of_order;
    }
}

}  // namespace lido::postgres
