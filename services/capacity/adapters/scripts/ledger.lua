-- What the operations share; put before each of them when it is loaded. All keys lie under one hash tag.
--
-- {prefix}:programmes        hash: '@epoch' (ms at which it was begun; '@rebuilding' instead of it until the
--                            generation is whole), '@sequence' (steps since), and by programme
--                            "places held occupied suspended confirmed center region modality"
--                            (suspended is 0 or 1, confirmed is in ms); '@record' says the same to who looks
-- {prefix}:claim:<referral>  string "attempt state rank programmes": one programme when held or occupied, every
--                            queue it stands in when waiting; "attempt none" when it was given back
-- {prefix}:queue:<programme> sorted set of referrals by rank; equal ranks go by referral id
-- {prefix}:events            stream of steps; the id of a step is <epoch>-<sequence>
-- {prefix}:server            string: run id of the server that the data lives on
--
-- KEYS[1] programmes, KEYS[2] events
-- ARGV[1] "{prefix}:", ARGV[2] now (ms), ARGV[3] ARGV[4] epoch and sequence the caller has seen ('' for none)

local match = string.match
local now = ARGV[2]
local epoch, sequence, start
local programmes, changed = {}, {}

-- Whether `got` ('@epoch', '@sequence') is the data that the caller has seen, or newer of the same epoch.
local function current(got)
  epoch, sequence, start = got[1], tonumber(got[2]), tonumber(got[2])
  return epoch and (ARGV[3] == '' or (ARGV[3] == epoch and tonumber(ARGV[4]) <= sequence))
end

-- Begin an epoch without a step, open ('@epoch') or to be rebuilt ('@rebuilding').
-- The long value keeps the hash a table: as a list, each field read would be a search.
local function begin_epoch(as, name)
  redis.call('HSET', KEYS[1], as, name, '@sequence', '0',
    '@record', 'places held occupied suspended(0|1) confirmed(ms) center region modality')
end

-- Whether the data is being rebuilt as epoch `name`: nothing else may touch it then.
local function rebuilding_as(name)
  local got = redis.call('HMGET', KEYS[1], '@rebuilding', '@sequence')
  epoch, sequence, start = got[1], tonumber(got[2]), tonumber(got[2])
  return epoch == name
end

-- The highest epoch of all that is kept here, open, being rebuilt, or only in the stream; nil when there is none.
local function highest_epoch()
  local got = redis.call('HMGET', KEYS[1], '@epoch', '@rebuilding')
  local step = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  local highest
  for _, one in ipairs({got[1] or '0', got[2] or '0', step and match(step[1], '^%d+') or '0'}) do
    if one ~= '0' and (not highest or tonumber(one) > tonumber(highest)) then highest = one end
  end
  return highest
end

local function parse(record)
  local places, held, occupied, suspended, rest = match(record, '^(%d+) (%d+) (%d+) (%d) (.*)$')
  return {
    places = tonumber(places), held = tonumber(held), occupied = tonumber(occupied),
    suspended = suspended, rest = rest,
  }
end

-- The programme as this step has left it so far, or false when it was never opened.
local function programme(id)
  if programmes[id] == nil then
    local record = redis.call('HGET', KEYS[1], id)
    programmes[id] = record and parse(record)
  end
  return programmes[id]
end

local function record_of(p)
  return p.places .. ' ' .. p.held .. ' ' .. p.occupied .. ' ' .. p.suspended .. ' ' .. p.rest
end

local function free(places, held, occupied, suspended)
  local left = places - held - occupied
  return (suspended == '0' and left > 0) and left or 0
end

local function queue(id)
  return ARGV[1] .. 'queue:' .. id
end

local function append(...)
  sequence = sequence + 1
  redis.call('XADD', KEYS[2], epoch .. '-' .. sequence, ...)
end

-- Say what happened to programme `id`, with its record and queue as they are after it.
local function tell(kind, id, referral, attempt, ...)
  local p = programmes[id]
  local record = record_of(p)
  changed[id] = record
  append('type', kind, 'at', now, 'referral', referral, 'attempt', attempt, 'programme', id,
    'record', record, 'waiting', redis.call('ZCARD', queue(id)), ...)
end

-- Write every programme that changed, and the sequence, when there was a step.
local function finish()
  if sequence == start then return end
  local fields = {'@sequence', sequence}
  for id, record in pairs(changed) do
    if #fields >= 2000 then -- unpack takes about 8,000
      redis.call('HSET', KEYS[1], unpack(fields))
      fields = {}
    end
    fields[#fields + 1] = id
    fields[#fields + 1] = record
  end
  redis.call('HSET', KEYS[1], unpack(fields))
end

-- Attempt, state, rank and programmes (joined by spaces) of a claim; nothing when there is none.
local function read_claim(key)
  local claim = redis.call('GET', key)
  if not claim then return nil end
  local attempt, state, rank, names = match(claim, '^(%d+) (%a+) ?(%S*) ?(.*)$')
  return tonumber(attempt), state, rank, names
end

-- A claim for who compares: {referral, claim, the queues in which it stands at its rank}; nil when there is none.
local function describe(key, referral)
  local claim = redis.call('GET', key)
  if not claim then return nil end
  local _, state, rank, names = match(claim, '^(%d+) (%a+) ?(%S*) ?(.*)$')
  local stands = {}
  if state == 'waiting' then
    for name in string.gmatch(names, '%S+') do
      local score = redis.call('ZSCORE', queue(name), referral)
      if score and tonumber(score) == tonumber(rank) then stands[#stands + 1] = name end
    end
  end
  return {referral, claim, table.concat(stands, ' ')}
end

-- Append to `result` every programme, its record and the length of its queue.
local function add_figures(result)
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 1) ~= '@' then
      local n = #result
      result[n + 1], result[n + 2], result[n + 3] = all[i], all[i + 1], redis.call('ZCARD', queue(all[i]))
    end
  end
  return result
end

-- Give what is free at `id` to the first in its queue, who leaves every other queue; again until one of both ends.
local function hand_over(id)
  local p = programmes[id]
  while free(p.places, p.held, p.occupied, p.suspended) > 0 do
    local first = redis.call('ZPOPMIN', queue(id))[1]
    if not first then return end
    local attempt, state, rank, names = read_claim(ARGV[1] .. 'claim:' .. first)
    if state == 'waiting' then
      local left = {}
      for name in string.gmatch(names, '%S+') do
        if name ~= id then
          redis.call('ZREM', queue(name), first)
          left[#left + 1] = name
        end
      end
      redis.call('SET', ARGV[1] .. 'claim:' .. first, attempt .. ' held ' .. rank .. ' ' .. id)
      p.held = p.held + 1
      tell('handed_over', id, first, attempt, 'left', table.concat(left, ' '))
    end
  end
end

-- Take from `referral` the place it has (and hand that over), or its turn in each queue.
local function give_back(referral, attempt, state, names)
  if state == 'waiting' then
    for name in string.gmatch(names, '%S+') do redis.call('ZREM', queue(name), referral) end
    append('type', 'withdrawn', 'at', now, 'referral', referral, 'attempt', attempt, 'programmes', names)
  elseif state ~= 'none' then
    local p = programme(names)
    p[state] = p[state] - 1
    tell('released', names, referral, attempt)
    hand_over(names)
  end
end

-- What is answered of a claim; `names` are the one programme of a place, or those in whose queues it stands.
local function claim_result(state, attempt, names, repeated)
  return {state, attempt, (state ~= 'stale' and state ~= 'none') and names or '', repeated and 1 or 0}
end

local function answer(state, attempt, names, repeated)
  return {'ok', epoch, sequence, claim_result(state, attempt, names, repeated)}
end
