// Lido: in which order PostgreSQL answers.
#pragma once

#include <cstdint>

namespace lido::postgres {

/// What a statement was sent as, and so what is to come of it.
struct sent_messages {
    bool parse = false;
    bool describe = false;
    bool execute = false;  ///< with its Bind; false: a Sync alone
    bool sync = false;
    bool close = false;  ///< of a statement, and nothing else but the Sync
};

/// Where the server is in its answer to one group of messages. It decides what each message of the answer means, and
/// which one has no place there. An ordinary value; what the server may send at any time (notices, notifications,
/// parameters) is none of its business.
class answer_order {
public:
    enum class meaning : std::uint8_t {
        out_of_order,
        nothing,  ///< a step that brings nothing
        columns,
        no_columns,
        row,
        completed,
        empty,  ///< a statement without text has ended
        copies,
        refused,
        synced,  ///< the answer's end
    };

    explicit answer_order(const sent_messages& sent) noexcept : sent_(sent) {
        enter(sent.close ? stage::close : sent.parse ? stage::parse : after(stage::parse));
    }

    /// Goes on by a message of that type.
    [[nodiscard]] meaning take(char type) noexcept;

    /// The server has not said yet that it knows the statement.
    [[nodiscard]] bool is_parsing() const noexcept { return stage_ == stage::parse; }
    [[nodiscard]] bool has_sync() const noexcept { return sent_.sync; }
    /// Nothing more comes of it.
    [[nodiscard]] bool has_ended() const noexcept { return stage_ == stage::ended; }

private:
    enum class stage : std::uint8_t { close, parse, bind, describe, execute, sync, ended };
    [[nodiscard]] stage after(stage before) const noexcept;
    [[nodiscard]] meaning step(bool expected, meaning as) noexcept;
    void enter(stage next) noexcept { stage_ = next; }

    sent_messages sent_;
    stage stage_ = stage::parse;
};

// In the header, because each message of an answer goes through it.

/// The next stage that was asked for.
inline answer_order::stage answer_order::after(stage before) const noexcept {
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

inline answer_order::meaning answer_order::step(bool expected, meaning as) noexcept {
    if (!expected) return meaning::out_of_order;
    enter(after(stage_));
    return as;
}

inline answer_order::meaning answer_order::take(char type) noexcept {
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
