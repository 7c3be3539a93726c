// SPDX-License-Identifier: Apache-2.0
#include "common/obs/event_stream.h"

#include <poll.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace barevip::obs {
namespace {

Outgoing::Bytes eventOf(std::string_view name, std::string_view data) {
  std::string text = "event: ";
  text.append(name).append("\ndata: ").append(data).append("\n\n");
  return std::make_shared<const std::string>(std::move(text));
}

}  // namespace

void EventStream::publish(std::string_view name, std::string_view data) {
  auto bytes = eventOf(name, data);
  {
    const std::lock_guard lock(mutex_);
    newest_ = {std::move(bytes), newest_.number + 1};
  }
  if (onPublish_) onPublish_();
}

void EventStream::clear() {
  const std::lock_guard lock(mutex_);
  newest_.bytes.reset();
}

EventStream::Newest EventStream::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

std::size_t EventStream::readers() const {
  const std::lock_guard lock(mutex_);
  return readers_;
}

bool EventStream::waitForReader(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return came_.wait(lock, stop, [this] { return readers_ > 0; });
}

void EventStream::readerCame() {
  const std::lock_guard lock(mutex_);
  ++readers_;
  came_.notify_all();
}

void EventStream::readerLeft() {
  const std::lock_guard lock(mutex_);
  --readers_;
}

EventReader::EventReader(Connection client, EventStream& stream, Outgoing::Bytes head, Time now)
    : client_(std::move(client)),
      stream_(stream),
      deadline_(now + kEventTime),
      aliveAt_(now + kAlive) {
  outgoing_.begin(std::move(head));
  stream_.readerCame();
}

short EventReader::events() const {
  return static_cast<short>(outgoing_.pending() ? POLLIN | POLLOUT : POLLIN);
}

bool EventReader::proceed(short revents, Time now) {
  if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0 && hungUp()) return false;
  while (outgoing_.pending() || beginNext(now)) {
    const auto progress = outgoing_.proceed(client_);
    if (progress == Progress::kGone) return false;
    if (progress == Progress::kWaits) return now < deadline_;
    aliveAt_ = now + kAlive;
  }
  return true;
}

// A reader has nothing to say after its request: whoever sends more is no better than gone.
bool EventReader::hungUp() {
  std::array<char, 1> byte{};
  return client_.receive(byte).progress != Progress::kWaits;
}

bool EventReader::beginNext(Time now) {
  static const Outgoing::Bytes alive = eventOf("alive", "");
  auto [bytes, number] = stream_.newest();
  if (bytes && number != seen_) {
    seen_ = number;
    outgoing_.begin(std::move(bytes));
  } else if (now >= aliveAt_) {
    outgoing_.begin(alive);
  } else {
    return false;
  }
  deadline_ = now + kEventTime;
  return true;
}

}  // namespace barevip::obs
