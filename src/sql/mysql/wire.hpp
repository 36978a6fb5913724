// Lido: a connection to a MySQL server on an event loop.
#pragma once

#include "lido/base/recurring_work.hpp"
#include "lido/base/result.hpp"
#include "lido/net/event_loop.hpp"
#include "lido/sql/rows.hpp"
#include "sql/awaited_answer.hpp"
#include "sql/channel.hpp"
#include "sql/mysql/answer_order.hpp"
#include "sql/mysql/answer_packets.hpp"
#include "sql/mysql/handle.hpp"
#include "sql/mysql/packet_reader.hpp"
#include "sql/mysql/result_shape.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lido::mysql {

class wire;  // NOLINT(cppcoreguidelines-virtual-class-destructor): it is final

/// What is to come of one command; it lives with the coroutine that waits for it. Destroyed before the end, the
/// connection is of no more use: nothing is read on it any more.
class answer : public sql::awaited_answer {
public:
    explicit answer(wire& from) noexcept : from_(&from) {}
    answer(answer&&) = delete;
    ~answer();

    /// The first result; what further ones bring is dropped.
    sql::rows into;
    /// The server's refusal.
    std::optional<refusal> refused;
    /// What was wrong beside it: the connection broke, the result is too large.
    std::optional<error> failed;
    /// The columns that the server has said last of this statement; put here before it is sent, it may be kept.
    std::shared_ptr<const result_shape> shape;
    /// Of a statement that was prepared.
    prepared_packet prepared;
    /// Rows come one by one: they stop before the first one, and when a batch is full.
    bool one_by_one = false;

    [[nodiscard]] bool is_good() const noexcept { return done && !refused && !failed; }

private:
    friend class wire;
    wire* from_;               // null: it is gone
    bool has_result_ = false;  // the first result has come, or has begun to
    bool takes_rows_ = false;  // those that come now are the first result's
};

/// A bound for what is read.
struct wire_limits {
    std::size_t result_bytes = 0;
    std::size_t batch_rows = 0;
    std::size_t batch_bytes = 0;
};

/// A connection in MySQL's protocol: a command goes out, and what comes back is its `answer`, before the next command.
/// libmariadb has logged in; after that all that is sent and read on its socket is Lido's own, but for the farewell. It
/// reads at each event what there is, and resumes who waits afterwards. Belongs to its loop.
class wire final : public net::event_source {
public:
    /// `over` is the channel of `connected`.
    wire(net::event_loop& loop, unique_handle connected, const sql::channel& over, const wire_limits& limits);
    wire(wire&&) = delete;
    ~wire();

    /// Listens to the socket from now on. `connect_failed` when the system refuses.
    [[nodiscard]] result<void> watch();

    /// Commands are written here, and then sent. Empty at first.
    [[nodiscard]] std::string& out() noexcept { return out_; }
    /// Sends what was written, whose last command has an answer; it begins with that number. Nothing else is
    /// outstanding.
    void send(answer& to, answer_kind kind, std::uint8_t first_number);

    /// Waits until `of` is done or has a full batch; false: `deadline` came first.
    [[nodiscard]] sql::answer_wait wait(answer& of, time_point deadline) noexcept { return {loop_, of, deadline}; }
    /// A batch was taken: goes on with reading.
    void resume_reading(answer& of);
    /// Nobody waits for it any more.
    void give_up(answer& of) noexcept;

    [[nodiscard]] bool broken() const noexcept { return broken_.has_value(); }
    /// The server's flags, as it said them last.
    [[nodiscard]] std::uint16_t status() const noexcept { return order_.status(); }
    /// Nothing more works on it; who waits is told in the loop's next turn.
    void break_off(const error& why);
    /// Nothing more is sent or comes: closing will not wait for anything.
    void shut_down() noexcept { channel_.shut_down(); }

    /// Called, on the loop, when the connection has come to its end. May destroy this object.
    using signal = void (*)(void* context) noexcept;
    void on_end(signal call, void* context) noexcept {
        on_end_ = call;
        on_end_context_ = context;
    }

    [[nodiscard]] MYSQL* handle() const noexcept { return handle_.get(); }
    [[nodiscard]] net::event_loop& loop() const noexcept { return loop_; }

private:
    void on_events(std::uint32_t events) noexcept override;

    // sending
    [[nodiscard]] bool has_unsent() const noexcept { return out_begin_ < out_.size(); }
    void flush() noexcept;
    void wait_to_write(bool wanted) noexcept;

    // reading
    [[nodiscard]] bool reads() const noexcept { return !paused_ && !broken_ && !abandoned_; }
    void pump() noexcept;
    void take_packets();
    void take_packet(std::string_view packet);
    void take_result(answer& to);
    void take_shape(answer& to);
    void take_row(std::string_view packet, answer& to);
    void take_refusal(std::string_view packet, answer& to);
    /// What has no place in an answer may be the server's last words.
    void take_last_words(std::string_view packet);
    void take_too_large();
    void drop_too_large();
    void pause(answer& to) noexcept;
    void end_answer();
    void out_of_step(const char* what);

    void fail(const error& why);
    void finish(answer& which);
    void go_on_later();
    void run_later() noexcept;
    void settle_events() noexcept;

    net::event_loop& loop_;
    wire_limits limits_;
    unique_handle handle_;
    sql::channel channel_;
    bool ends_definitions_;
    packet_reader reader_;
    answer_order order_;
    answer_kind kind_ = answer_kind::acknowledged;
    column_definitions definitions_;
    std::string out_;  // what was sent, from `out_begin_` on not yet by the system
    std::size_t out_begin_ = 0;
    answer* expected_ = nullptr;
    answer* ready_ = nullptr;  // its waiter is about to be told
    bool hung_up_ = false;
    bool want_write_ = false;
    bool paused_ = false;
    bool abandoned_ = false;      // an answer that nobody waits for is on its way
    bool goes_on_later_ = false;  // with reading
    bool end_was_told_ = false;
    std::optional<error> broken_;
    bool* destroyed_ = nullptr;
    recurring_work::pointer later_;
    signal on_end_ = nullptr;
    void* on_end_context_ = nullptr;
};

}  // namespace lido::mysql
