// SPDX-License-Identifier: Apache-2.0
#include "history/crew.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace barevip::history {

class Crew::Worker {
 public:
  Worker() : thread_([this](const std::stop_token& stop) { work(stop); }) {}
  ~Worker() {
    thread_.request_stop();
    pass(true);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] bool busy() const { return static_cast<bool>(job_); }

  void run(Job job) {
    job_ = std::move(job);
    goOn();
  }
  void goOn() {
    pass(true);
    await(false);
  }
  void giveBack() {
    pass(false);
    await(true);
  }

 private:
  void work(const std::stop_token& stop);
  void pass(bool toWorker) {
    {
      const std::lock_guard lock(mutex_);
      running_ = toWorker;
    }
    changed_.notify_all();
  }
  void await(bool worker) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return running_ == worker; });
  }

  Job job_;  ///< written by one side while the other one waits
  std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = false;  ///< the worker is, and not who started or resumed it
  std::jthread thread_;   ///< the last member: it uses the others
};

namespace {

// Of the thread; null on one that is no worker's.
thread_local Crew::Worker* mine = nullptr;

}  // namespace

void Crew::Worker::work(const std::stop_token& stop) {
  mine = this;
  while (true) {
    await(true);
    if (stop.stop_requested()) return;
    job_();
    job_ = nullptr;
    pass(false);
  }
}

Crew::Crew() = default;
Crew::~Crew() = default;

Crew::Worker* Crew::idle(std::size_t most) {
  const auto found = std::find_if(workers_.begin(), workers_.end(),
                                  [](const auto& worker) { return !worker->busy(); });
  if (found != workers_.end()) {
    const auto number = static_cast<std::size_t>(std::distance(workers_.begin(), found));
    return number < most ? found->get() : nullptr;
  }
  if (workers_.size() >= most) return nullptr;
  return workers_.emplace_back(std::make_unique<Worker>()).get();
}

Crew::Worker* Crew::busy(std::size_t number) {
  const bool is = number < workers_.size() && workers_[number]->busy();
  return is ? workers_[number].get() : nullptr;
}

bool Crew::anyBusy() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const auto& worker) { return worker->busy(); });
}

void Crew::start(Worker& worker, Job job) { worker.run(std::move(job)); }

void Crew::resume(Worker& worker) { worker.goOn(); }

void Crew::finish() {
  for (const auto& worker : workers_) {
    while (worker->busy()) worker->goOn();
  }
}

void Crew::pause() {
  if (mine != nullptr) mine->giveBack();
}

}  // namespace barevip::history
