/* A capture device that is none, for LD_PRELOAD: /dev/video90 answers what V4L2 asks of a driver.

   Delivers 64x48 pictures, 25 a second, raw (YUYV, grey) or as JPEG (the file `picture.jpg`). Files in
   the folder $FAKE_V4L2 say how it behaves, at any time: `frozen` (no picture comes), `gone`
   (unplugged), `busy` (another program streams). */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PATH "/dev/video90"
#define WIDTH 64
#define HEIGHT 48
#define BUFFERS 8
#define SIZE (64 * 1024)
#define INTERVAL_NS 40000000LL
#define MOST_FILES 1024

static int is_fake[MOST_FILES], is_nonblocking[MOST_FILES];
static unsigned pixel_format = V4L2_PIX_FMT_YUYV;
static unsigned char *memory[BUFFERS];
static int queued[BUFFERS], first, count;
static unsigned sequence;
static long long due_ns;

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int has(const char *name)
{
    char path[4096];
    const char *folder = getenv("FAKE_V4L2");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "/nonexistent", name);
    return access(path, F_OK) == 0;
}

static int fail(int number)
{
    errno = number;
    return -1;
}

static int open_fake(int flags)
{
    if (has("gone"))
        return fail(ENOENT);
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int fd = next("/dev/null", O_RDWR);
    if (fd >= 0 && fd < MOST_FILES) {
        is_fake[fd] = 1;
        is_nonblocking[fd] = !!(flags & O_NONBLOCK);
    }
    return fd;
}

#define DEFINE_OPEN(name)                                                  \
    int name(const char *path, int flags, ...)                             \
    {                                                                      \
        va_list rest;                                                      \
        va_start(rest, flags);                                             \
        int mode = va_arg(rest, int);                                      \
        va_end(rest);                                                      \
        if (strcmp(path, PATH) == 0)                                       \
            return open_fake(flags);                                       \
        int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);     \
        return next(path, flags, mode);                                    \
    }

DEFINE_OPEN(open)
DEFINE_OPEN(open64)

int close(int fd)
{
    if (fd >= 0 && fd < MOST_FILES)
        is_fake[fd] = 0;
    int (*next)(int) = dlsym(RTLD_NEXT, "close");
    return next(fd);
}

static void *map(const char *name, void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    void *(*next)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, name);
    if (fd < 0 || fd >= MOST_FILES || !is_fake[fd])
        return next(at, size, protection, flags, fd, offset);
    void *made = next(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[offset / SIZE % BUFFERS] = made;
    return made;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return map("mmap", at, size, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return map("mmap64", at, size, protection, flags, fd, offset);
}

static size_t draw(unsigned char *picture)
{
    if (pixel_format == V4L2_PIX_FMT_YUYV) {
        memset(picture, 0, WIDTH * HEIGHT * 2);
        for (int at = 0; at < WIDTH * HEIGHT * 2; at += 2)
            picture[at] = 90, picture[at + 1] = 128;
        return WIDTH * HEIGHT * 2;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/picture.jpg", getenv("FAKE_V4L2"));
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(picture, 1, SIZE, file) : 0;
    if (file)
        fclose(file);
    return size;
}

static int dequeue(int fd, struct v4l2_buffer *buffer)
{
    while (count == 0 || has("frozen") || now_ns() < due_ns) {
        if (has("gone"))
            return fail(ENODEV);
        if (is_nonblocking[fd])
            return fail(EAGAIN);
        usleep(1000);
    }
    if (has("gone"))
        return fail(ENODEV);
    due_ns = now_ns() + INTERVAL_NS;
    buffer->index = queued[first];
    first = (first + 1) % BUFFERS;
    count--;
    buffer->bytesused = draw(memory[buffer->index]);
    buffer->length = SIZE;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->sequence = sequence++;
    long long at = now_ns();
    buffer->timestamp.tv_sec = at / 1000000000;
    buffer->timestamp.tv_usec = at % 1000000000 / 1000;
    return 0;
}

static int set_format(struct v4l2_format *format, int is_choice)
{
    if (has("busy"))
        return fail(EBUSY);
    unsigned wanted = format->fmt.pix.pixelformat;
    if (is_choice && (wanted == V4L2_PIX_FMT_YUYV || wanted == V4L2_PIX_FMT_MJPEG))
        pixel_format = wanted;
    format->fmt.pix.width = WIDTH;
    format->fmt.pix.height = HEIGHT;
    format->fmt.pix.pixelformat = pixel_format;
    format->fmt.pix.field = V4L2_FIELD_NONE;
    format->fmt.pix.bytesperline = WIDTH * 2;
    format->fmt.pix.sizeimage = pixel_format == V4L2_PIX_FMT_YUYV ? WIDTH * HEIGHT * 2 : SIZE;
    return 0;
}

static int describe_format(struct v4l2_fmtdesc *format)
{
    if (format->index > 1)
        return fail(EINVAL);
    format->pixelformat = format->index ? V4L2_PIX_FMT_MJPEG : V4L2_PIX_FMT_YUYV;
    strcpy((char *)format->description, format->index ? "Motion-JPEG" : "YUYV 4:2:2");
    return 0;
}

static int describe_size(struct v4l2_frmsizeenum *size)
{
    if (size->pixel_format == V4L2_PIX_FMT_MJPEG) {
        if (size->index > 0)
            return fail(EINVAL);
        size->type = V4L2_FRMSIZE_TYPE_STEPWISE;
        size->stepwise = (struct v4l2_frmsize_stepwise){32, WIDTH, 2, 24, HEIGHT, 2};
        return 0;
    }
    if (size->index > 1)
        return fail(EINVAL);
    size->type = V4L2_FRMSIZE_TYPE_DISCRETE;
    size->discrete = (struct v4l2_frmsize_discrete){WIDTH >> size->index, HEIGHT >> size->index};
    return 0;
}

static int describe_interval(struct v4l2_frmivalenum *interval)
{
    if (interval->index > 1 || interval->width != WIDTH)
        return fail(EINVAL);
    interval->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    interval->discrete = interval->index ? (struct v4l2_fract){1001, 30000} : (struct v4l2_fract){1, 25};
    return 0;
}

static int answer(int fd, unsigned long request, void *argument)
{
    struct v4l2_buffer *buffer = argument;
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *capability = argument;
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "fake");
        strcpy((char *)capability->card, "Fake capture card");
        strcpy((char *)capability->bus_info, "usb-fake-1");
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_ENUM_FMT:
        return describe_format(argument);
    case VIDIOC_ENUM_FRAMESIZES:
        return describe_size(argument);
    case VIDIOC_ENUM_FRAMEINTERVALS:
        return describe_interval(argument);
    case VIDIOC_G_FMT:
        return set_format(argument, 0);
    case VIDIOC_S_FMT:
        return set_format(argument, 1);
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: {
        struct v4l2_streamparm *parameters = argument;
        parameters->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        parameters->parm.capture.timeperframe = (struct v4l2_fract){1, 25};
        return 0;
    }
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *wanted = argument;
        if (wanted->count > BUFFERS)
            wanted->count = BUFFERS;
        first = count = 0;
        return 0;
    }
    case VIDIOC_QUERYBUF:
        buffer->length = SIZE;
        buffer->m.offset = buffer->index * SIZE;
        return 0;
    case VIDIOC_QBUF:
        queued[(first + count++) % BUFFERS] = buffer->index;
        return 0;
    case VIDIOC_DQBUF:
        return dequeue(fd, buffer);
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF:
        return 0;
    case VIDIOC_G_INPUT:
        *(int *)argument = 0;
        return 0;
    case VIDIOC_ENUMINPUT: {
        struct v4l2_input *input = argument;
        input->type = V4L2_INPUT_TYPE_CAMERA;
        input->std = 0;
        return input->index == 0 ? 0 : fail(EINVAL);
    }
    default:
        return fail(ENOTTY);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (fd >= 0 && fd < MOST_FILES && is_fake[fd])
        return answer(fd, request & 0xffffffff, argument);
    int (*next)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    return next(fd, request, argument);
}
