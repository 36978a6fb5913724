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

}  // namespace lido::postgres
